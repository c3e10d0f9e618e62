//! The scripts, one file for each atomic step. All but `find` begin with `prelude.lua`.

use std::sync::LazyLock;

use redis::Script;

macro_rules! scripts {
    ($($name:ident: $($part:literal),+;)*) => {
        $(
            pub(crate) static $name: LazyLock<Script> =
                LazyLock::new(|| Script::new(concat!($(include_str!($part)),+)));
        )*
    };
}

scripts! {
    INSERT: "scripts/prelude.lua", "scripts/insert.lua";
    REPLACE: "scripts/prelude.lua", "scripts/replace.lua";
    REMOVE: "scripts/prelude.lua", "scripts/remove.lua";
    LEASE: "scripts/prelude.lua", "scripts/lease.lua";
    EXTEND: "scripts/prelude.lua", "scripts/extend.lua";
    RELEASE: "scripts/prelude.lua", "scripts/release.lua";
    FIND: "scripts/find.lua";
}

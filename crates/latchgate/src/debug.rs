//! What `Debug` shows of types that hold secrets, or more than anybody wants to read.

/// Gives secrets a `Debug` that shows the name of the type only.
macro_rules! debug_redacted {
    ($($secret:ident),+ $(,)?) => {$(
        impl std::fmt::Debug for $secret {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($secret), "(redacted)"))
            }
        }
    )+};
}

/// Gives a type a `Debug` that shows these fields and says that there are others.
macro_rules! debug_fields {
    ($type:ident { $($field:ident),* }) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type))
                    $(.field(stringify!($field), &self.$field))*
                    .finish_non_exhaustive()
            }
        }
    };
}

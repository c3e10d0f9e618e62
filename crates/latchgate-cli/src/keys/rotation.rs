//! A rotation of session keys: which keys there are afterwards, and in which order nodes get them.

use latchgate::SessionKey;

use super::VARIABLE;
use crate::failure::Failure;

/// What to do with the present keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Step {
    /// The new key comes first.
    #[default]
    AtOnce,
    /// The new key comes last: every node can open what it seals before any node seals with it.
    Announce,
    /// The last key comes first.
    Promote,
}

/// A rotation that has not happened yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rotation {
    pub(super) step: Step,
    /// How many keys there are afterwards, at most.
    pub(super) keep: usize,
}

impl Default for Rotation {
    fn default() -> Self {
        Self {
            step: Step::default(),
            keep: 2,
        }
    }
}

/// The keys after a rotation, newest first unless the new one is only announced, and what to do with them. The explanation
/// contains no key.
#[derive(Debug)]
pub(super) struct Rotated {
    pub(super) keys: Vec<String>,
    pub(super) explanation: String,
}

impl Rotation {
    /// Turns the present keys into those of afterwards.
    pub(super) fn turn(
        self,
        present: &str,
        new: impl FnOnce() -> Result<String, Failure>,
    ) -> Result<Rotated, Failure> {
        if self.keep < 2 {
            return Err(Failure::usage(
                "--keep is 2 or more: without the key of before, everybody is signed out; if that is what you want (a key has leaked), `latchgate keys` makes a single new one",
                "keys",
            ));
        }
        let present = keys_in(present)?;
        let before = present.len();
        let mut keys = present;
        match self.step {
            Step::AtOnce => {
                keys.insert(0, new()?);
                keys.truncate(self.keep);
            }
            Step::Announce => {
                keys.truncate(self.keep - 1);
                keys.push(new()?);
            }
            Step::Promote => {
                if before < 2 {
                    return Err(Failure::new(
                        "step 2 moves the last key to the front, and there is only one key: take step 1 first",
                    ));
                }
                keys.rotate_right(1);
                keys.truncate(self.keep);
            }
        }
        let added = usize::from(self.step != Step::Promote);
        let dropped = before + added - keys.len();
        Ok(Rotated {
            keys,
            explanation: explanation(self.step, dropped),
        })
    }
}

/// The keys in a text: a value, or a file of variables with one line that sets it.
fn keys_in(text: &str) -> Result<Vec<String>, Failure> {
    let lines = text.lines().map(|line| {
        let line = line.trim();
        line.strip_prefix("export ").map_or(line, str::trim_start)
    });
    let mut set = lines.filter_map(|line| {
        let value = line.strip_prefix(VARIABLE)?.trim_start();
        value.strip_prefix('=')
    });
    // The last line counts, as in a shell.
    let value = set.next_back().unwrap_or(text);
    let value = value.trim().trim_matches(['"', '\'']);
    let keys = value
        .split(',')
        .map(str::trim)
        .filter(|key| !key.is_empty());
    let keys: Vec<&str> = keys.collect();
    if keys.is_empty() {
        return Err(Failure::usage(
            format!(
                "there is no session key to rotate: set {VARIABLE}, or write `-` and send its value to standard input"
            ),
            "keys",
        ));
    }
    for (at, key) in (1..).zip(&keys) {
        // The error does not contain the key.
        SessionKey::from_base64(key)
            .map_err(|error| Failure::new(format!("key {at} of {}: {error}", keys.len())))?;
    }
    let mut distinct: Vec<String> = Vec::new();
    for key in keys {
        if !distinct.iter().any(|known| known == key) {
            distinct.push(key.to_owned());
        }
    }
    Ok(distinct)
}

fn explanation(step: Step, dropped: usize) -> String {
    let mut text = String::from(match step {
        Step::AtOnce => {
            "\
The first key is new: it seals from now on, and the others still open what they have sealed.

One node, or nodes that all stop before the first one starts: set these keys and restart.
Several nodes that restart one after another: a node that has only the old keys takes sessions that
are sealed with the new one for forgeries, and signs people out. Go in two steps instead:
  1. latchgate keys rotate --step 1   the new key comes last: every node can open what it seals
  2. latchgate keys rotate --step 2   once all nodes have it: the same keys, the new one first"
        }
        Step::Announce => {
            "\
Step 1 of 2. The last key is new: all nodes can open what it seals, and none seals with it yet.
Roll these keys out to every node, and keep them: step 2 needs them. Then, not before all nodes have
them: latchgate keys rotate --step 2"
        }
        Step::Promote => {
            "\
Step 2 of 2. The key that came last is the first now: it seals from now on, and the others still
open what they have sealed. Roll these keys out to every node, in any order. No key was made."
        }
    });
    if dropped > 0 {
        let keys = if dropped == 1 { "key was" } else { "keys were" };
        text += &format!(
            "\n\n{dropped} old {keys} dropped: sessions that were not used since it was the first one end. A session lasts\n\
             `session_absolute` at most (7 days, unless you set it): if you rotate more often, keep more keys (--keep)."
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys that were drawn, for tests only.
    const ONE: &str = "xLUwsCmDwqO4nH1mUu8mfp1s0JrcmqRZ1yB8o3UmYbk=";
    const TWO: &str = "mJr5k1lqWq0b6m7v3nq0r4V0w9b3y8Y2o1xG5sQzNfE";
    const NEW: &str = "new";

    fn turned(step: Step, keep: usize, present: &str) -> Result<Rotated, String> {
        let rotation = Rotation { step, keep };
        let turned = rotation.turn(present, || Ok(NEW.to_owned()));
        turned.map_err(|failure| failure.to_string())
    }

    #[test]
    fn the_new_key_is_first_and_as_many_are_kept_as_wanted() {
        let both = format!("{ONE},{TWO}");
        for (step, keep, present, expected) in [
            (Step::AtOnce, 2, ONE, vec![NEW, ONE]),
            (Step::AtOnce, 2, &both, vec![NEW, ONE]),
            (Step::AtOnce, 3, &both, vec![NEW, ONE, TWO]),
            (Step::Announce, 2, &both, vec![ONE, NEW]),
            (Step::Announce, 3, &both, vec![ONE, TWO, NEW]),
            (Step::Promote, 2, &both, vec![TWO, ONE]),
        ] {
            let rotated = turned(step, keep, present).unwrap();
            assert_eq!(rotated.keys, expected, "{step:?} {keep}");
            let told = [ONE, TWO]
                .iter()
                .any(|key| rotated.explanation.contains(key));
            assert!(!told, "{}", rotated.explanation);
        }
    }

    #[test]
    fn two_steps_are_one_rotation() {
        let both = format!("{ONE},{TWO}");
        let at_once = turned(Step::AtOnce, 2, &both).unwrap();
        let announced = Rotation {
            step: Step::Announce,
            keep: 2,
        };
        let announced = announced.turn(&both, || Ok(TWO.to_owned())).unwrap();
        let promoted = turned(Step::Promote, 2, &announced.keys.join(",")).unwrap();
        assert_eq!(promoted.keys, [TWO, ONE]);
        assert_eq!(at_once.keys, [NEW, ONE]);
    }

    #[test]
    fn keys_are_found_in_values_and_files() {
        for text in [
            format!("{ONE},{TWO}"),
            format!(" {ONE} , {TWO},{ONE}\n"),
            format!(
                "A=1\nLATCHGATE_SESSION_KEYS={ONE}\nexport LATCHGATE_SESSION_KEYS=\"{ONE},{TWO}\"\nB=2"
            ),
            format!("LATCHGATE_SESSION_KEYS = '{ONE},{TWO}'"),
        ] {
            assert_eq!(
                keys_in(&text).map_err(|f| f.to_string()),
                Ok(vec![ONE.to_owned(), TWO.to_owned()]),
                "{text}"
            );
        }
    }

    #[test]
    fn mistakes_are_sentences_without_keys() {
        let short = &ONE[..20];
        for (step, keep, present, expected) in [
            (Step::AtOnce, 2, " ", "there is no session key to rotate"),
            (Step::AtOnce, 1, ONE, "--keep is 2 or more"),
            (Step::Promote, 2, ONE, "take step 1 first"),
            (
                Step::AtOnce,
                2,
                &format!("{ONE},{short}"),
                "key 2 of 2: the session key has 15 bytes",
            ),
        ] {
            let said = turned(step, keep, present).unwrap_err();
            assert!(said.contains(expected), "{said}");
            assert!(!said.contains(short), "{said}");
        }
    }
}

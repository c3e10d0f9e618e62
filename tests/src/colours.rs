//! The colours of a style sheet, and how well they can be told apart: [WCAG 2.2, contrast
//! ratio](https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio).

use std::collections::BTreeMap;

use crate::failure::Failure;

/// The custom properties of one colour scheme that are six-digit colours.
#[derive(Clone, Debug, Default)]
pub struct Scheme(BTreeMap<String, [u8; 3]>);

/// The light scheme and the dark one: the first `:root` block of a style sheet, and the first in which
/// `prefers-color-scheme: dark` overrides it.
///
/// # Errors
/// It has no dark scheme.
pub fn schemes(style: &str) -> Result<[Scheme; 2], Failure> {
    let (before, after) = style
        .split_once("prefers-color-scheme: dark")
        .ok_or("no dark scheme")?;
    let light = Scheme::default().overridden(block(before));
    let dark = light.clone().overridden(block(after));
    Ok([light, dark])
}

fn block(style: &str) -> &str {
    let rest = style.split_once(":root").map_or("", |(_, rest)| rest);
    rest.split_once('}').map_or("", |(block, _)| block)
}

impl Scheme {
    fn overridden(mut self, block: &str) -> Self {
        for declaration in block.trim_matches([' ', '\n', '{']).split(';') {
            let Some((name, value)) = declaration.split_once(':') else {
                continue;
            };
            let name = name.trim().trim_start_matches("--");
            if let Some(colour) = colour(value.trim()) {
                self.0.insert(name.to_owned(), colour);
            }
        }
        self
    }

    /// The contrast of two colours, from 1 to 21.
    ///
    /// # Errors
    /// The scheme has no colour of that name.
    pub fn contrast(&self, one: &str, other: &str) -> Result<f64, Failure> {
        let luminance = |name: &str| {
            let colour = self.0.get(name);
            colour
                .map(|colour| luminance(*colour))
                .ok_or_else(|| format!("no colour --{name} in {self:?}"))
        };
        let (one, other) = (luminance(one)?, luminance(other)?);
        Ok((one.max(other) + 0.05) / (one.min(other) + 0.05))
    }
}

fn colour(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let channel = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    Some([channel(0)?, channel(2)?, channel(4)?])
}

/// [Relative luminance](https://www.w3.org/TR/WCAG22/#dfn-relative-luminance).
fn luminance(colour: [u8; 3]) -> f64 {
    let [red, green, blue] = colour.map(|channel| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.04045 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_on_white_is_twenty_one_and_amber_on_white_is_too_little() -> Result<(), Failure> {
        let style = ":root { --ground: #ffffff; --text: #000000; --ring: #f59e0b; }\
                     @media (prefers-color-scheme: dark) { :root { --ground: #000000; } }";
        let [light, dark] = schemes(style)?;
        assert!((light.contrast("text", "ground")? - 21.0).abs() < 1e-9);
        assert!(light.contrast("ring", "ground")? < 3.0);
        assert!((dark.contrast("text", "ground")? - 1.0).abs() < 1e-9);
        assert!(dark.contrast("ring", "ground")? > 3.0);
        assert!(dark.contrast("ring", "nothing").is_err());
        Ok(())
    }
}

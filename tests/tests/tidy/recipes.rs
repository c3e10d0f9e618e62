//! The guide's recipes for providers are all of one form.

use crate::source::{self, Finding, Source};

/// Where they are.
const RECIPES: &str = "docs/src/providers";

/// The headings of each, in this order.
const HEADINGS: [&str; 4] = [
    "## At the provider",
    "## In your application",
    "## Good to know",
    "## Check it",
];

/// How each begins after its title.
const TESTED: &str = "*How it was tested: ";

const LONGEST: usize = 90;

/// Finds recipes of another form.
fn misshapen(recipe: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let headings: Vec<&str> = recipe
        .text
        .lines()
        .filter(|line| line.starts_with("## "))
        .collect();
    if headings != HEADINGS {
        let message = format!("a recipe has the headings {}", HEADINGS.join(", "));
        findings.push(recipe.finding(1, message));
    }
    if !recipe.text.lines().any(|line| line.starts_with(TESTED)) {
        let message =
            format!("say how the recipe was tested, in a line that begins with `{TESTED}`");
        findings.push(recipe.finding(2, message));
    }
    if recipe.text.lines().count() > LONGEST {
        let message = format!("a recipe has at most {LONGEST} lines");
        findings.push(recipe.finding(LONGEST, message));
    }
    findings
}

fn recipes() -> Vec<Source> {
    let recipes = source::markdown(RECIPES);
    assert!(recipes.len() > 10, "the recipes were not found");
    recipes
}

#[test]
fn recipes_have_one_form() {
    crate::report(&recipes().iter().flat_map(misshapen).collect::<Vec<_>>());
}

#[test]
fn a_recipe_of_another_form_is_found() {
    let good = format!("# A\n\n{TESTED}x.*\n\n{}\n", HEADINGS.join("\n\n"));
    let found = |text: &str| misshapen(&Source::new("a.md", text)).len();
    assert_eq!(found(&good), 0);
    assert_eq!(found(&good.replace("## Good to know", "## Odd things")), 1);
    assert_eq!(found(&good.replace(TESTED, "*From: ")), 1);
    assert_eq!(found(&good.replace("# A\n", &"\n".repeat(LONGEST))), 1);
}

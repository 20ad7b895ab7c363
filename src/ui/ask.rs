//! Asks for consent to change this machine, on the terminal.

use super::screen::Screen;
use super::text::clean;
use crate::host::consent::{Asker, Consent, Offer};

/// Asks the person at the terminal, unless the answer was given beforehand.
#[derive(Debug, Clone, Copy)]
pub struct OnTerminal {
    /// Where the question is shown.
    pub screen: Screen,
    /// `--yes` or `DEVUP_YES=1`.
    pub yes: bool,
}

impl Asker for OnTerminal {
    fn ask(&self, offer: &Offer) -> Consent {
        if self.yes {
            return Consent::Given;
        }
        if !self.screen.look.can_ask {
            return Consent::Unasked;
        }
        self.screen.say(&question(offer));
        match dialoguer::Confirm::new().with_prompt("Do it").default(false).interact_opt() {
            Ok(Some(true)) => Consent::Given,
            Ok(_) => Consent::Refused,
            Err(_) => Consent::Unasked,
        }
    }
}

fn question(offer: &Offer) -> String {
    let mut lines = vec![format!("devup would like to {}:", clean(&offer.what))];
    lines.extend(offer.lines.iter().map(|line| format!("  {}", clean(line))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_shows_the_exact_commands() {
        let offer =
            Offer { what: "install git".into(), lines: vec!["apt-get update".into(), "apt-get install git".into()] };
        let expected = "devup would like to install git:\n  apt-get update\n  apt-get install git";
        assert_eq!(question(&offer), expected);
    }
}

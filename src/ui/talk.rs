//! Progress of work on this machine, before there is a plan to show: one line per thing that happens.

use std::sync::{Mutex, PoisonError};

use super::look::ProgressStyle;
use super::screen::Screen;
use super::text::clean;
use crate::model::event::{Event, Listener};

/// Says progress on stderr, line by line, in the form that was asked for.
#[derive(Debug)]
pub struct Talk {
    screen: Screen,
    last: Mutex<String>,
}

impl Talk {
    /// On this screen.
    pub fn new(screen: Screen) -> Self {
        Self { screen, last: Mutex::default() }
    }
}

impl Listener for Talk {
    fn on(&self, event: Event) {
        match self.screen.look.progress {
            ProgressStyle::Quiet => {}
            ProgressStyle::Json => {
                // an event is plain data, which JSON can always hold
                if let Ok(line) = serde_json::to_string(&event) {
                    self.screen.say(&line);
                }
            }
            ProgressStyle::Auto | ProgressStyle::Tty | ProgressStyle::Plain => {
                let (Event::Progress { message, .. } | Event::Warning { message }) = event else { return };
                let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                if *last != message {
                    self.screen.say(&clean(&message));
                    *last = message;
                }
            }
        }
    }
}

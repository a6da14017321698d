//! Where two runs of one seed part ways. They never should: that they do not is what makes a trial worth replaying.

use crate::run::{RunTrial, TraceLine};

/// The first event in which two runs of one seed differ; none where a run has ended already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The last event that both runs have, if they have any.
    pub last_common: Option<TraceLine>,
    /// What then happened in the first run.
    pub first: Option<TraceLine>,
    /// What then happened in the second run.
    pub second: Option<TraceLine>,
}

/// Runs a seed twice more and compares the told trials. None if they are told alike, which a mistake that comes and goes may
/// well be.
pub fn first_divergence(trial: &impl RunTrial, seed: u64) -> Option<Divergence> {
    let mut lines = Vec::new();
    trial.trace(seed, None, &mut |line| lines.push(line));
    let mut told = lines.into_iter();
    let (mut last_common, mut divergence) = (None, None);
    trial.trace(seed, None, &mut |second| {
        if divergence.is_some() {
            return;
        }
        match told.next() {
            Some(first) if first == second => last_common = Some(first),
            first => {
                let last_common = last_common.take();
                divergence = Some(Divergence { last_common, first, second: Some(second) });
            }
        }
    });
    let longer = |first| Divergence { last_common, first: Some(first), second: None };
    divergence.or_else(|| told.next().map(longer))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use ktrial_sim::fault::FaultPlan;

    use super::*;
    use crate::digest::Digest;
    use crate::outcome::TrialOutcome;
    use crate::run::{Recording, Until};

    /// Tells the next of its stories each time.
    struct Storyteller(Mutex<Vec<&'static str>>);

    impl RunTrial for Storyteller {
        fn record(&self, seed: u64) -> (TrialOutcome, Recording) {
            (TrialOutcome::new(seed, Digest::empty()), Recording::default())
        }

        fn trace(
            &self,
            seed: u64,
            _: Option<Until>,
            tell: &mut dyn FnMut(TraceLine),
        ) -> TrialOutcome {
            let story = self.0.lock().expect("one thread").remove(0);
            story.chars().zip(1..).for_each(|(what, event)| tell(line(event, what)));
            self.run(seed)
        }

        fn fault_plan(&self, _: u64) -> FaultPlan {
            FaultPlan::default()
        }
    }

    fn line(event: u64, what: char) -> TraceLine {
        let (node, what) = ("broker-1".to_owned(), what.to_string());
        TraceLine { event, cause: None, at_ns: 0, node, what }
    }

    fn compared(first: &'static str, second: &'static str) -> Option<Divergence> {
        first_divergence(&Storyteller(Mutex::new(vec![first, second])), 0)
    }

    #[test]
    fn equal_stories_do_not_diverge() {
        assert_eq!(compared("abc", "abc"), None);
    }

    #[test]
    fn the_first_difference_is_found_with_what_came_before() {
        let expected = Divergence {
            last_common: Some(line(1, 'a')),
            first: Some(line(2, 'b')),
            second: Some(line(2, 'x')),
        };
        assert_eq!(compared("abc", "axy"), Some(expected));
    }

    #[test]
    fn a_story_that_ends_early_diverges_at_its_end() {
        let longer =
            Divergence { last_common: Some(line(1, 'a')), first: Some(line(2, 'b')), second: None };
        assert_eq!(compared("ab", "a"), Some(longer));
        let second = compared("a", "ab").and_then(|divergence| divergence.second);
        assert_eq!(second, Some(line(2, 'b')));
    }
}

// SPDX-License-Identifier: Apache-2.0
//! Asks the index off the UI thread: one thread a document, and the latest wish wins.
//!
//! The UI says with each pass what it wants ([`Wanted`]); the thread works out the parts that changed, the most visible
//! first, and hands each over as soon as it is there. A newer wish is looked for between parts, so what nobody looks at
//! any more is not worked out; one for another question also ends the reading of a capture that this one needed. Until a
//! part arrives the UI shows the old one.

mod asker;
mod selected;

pub(super) use selected::{Selected, born_in};

use super::selection::Selection;
use crate::error::UiError;
use crate::icicle::{Hits, SearchError};
use asker::Asker;
use egui::Context;
use memray_format::Allocator;
use memray_index::{
    Answer, Bands, Charge, Distribution, Filter, GroupBy, GrowthBy, GrowthRow, Index, NamedFunction, Pattern, Progress,
    Question, Refusal, Row, Sandwich, Statistics, StringId, TimeRange, Tree, TreeOptions,
};
use memray_report::Headline;
use memray_report::notes::Note;
use memray_report::size::Units;
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// An answer that is there sooner is not worth a word.
const PATIENCE: Duration = Duration::from_millis(300);

/// What the UI wants to show.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    /// In which units the headline is written.
    pub units: Units,
    /// The question.
    pub question: Question,
    /// How its tree is laid out.
    pub tree: TreeOptions,
    /// What is searched for.
    pub search: Option<Pattern>,
    /// What is selected: its node, and its live bytes over time.
    pub selection: Option<Selection>,
    /// Over which range the selection's growth is told; `None` where the capture holds no moments.
    pub growth_range: Option<TimeRange>,
    /// The table, where it is shown.
    pub table: Option<GroupBy>,
    /// The growth ranking, where it is shown.
    pub growth: Option<(TimeRange, GrowthBy)>,
    /// What memory over time is parted by, where it is shown.
    pub bands: Option<Charge>,
    /// The statistics, where they are shown.
    pub statistics: bool,
    /// The function whose callers and callees are shown, if any are.
    pub sandwich: Option<NamedFunction>,
    /// Which allocators the capture has, where one may be chosen.
    pub allocators: bool,
}

/// An answer with its tree.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    /// What was asked.
    pub question: Question,
    /// How the tree is laid out.
    pub options: TreeOptions,
    /// The answer, or why there is none.
    pub outcome: Result<(Arc<Answer>, Arc<Tree>), Refusal>,
}

/// A part of what was wanted.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // each is the part of `Wanted` of the same name
pub(super) enum Part {
    Headline(Units, Result<Arc<Headline>, Refusal>),
    Notes(Arc<Vec<Note>>),
    Picture(Picture),
    Hits(Option<Result<Arc<Hits>, Arc<SearchError>>>),
    Selected(Option<Selected>),
    /// What each line of the selection's file has of the answer.
    LineBytes(StringId, Arc<[(u32, i64)]>),
    /// How large allocations were and how long they lived: of what is selected, or of all that is shown.
    Distribution(Question, Option<Selection>, Option<Arc<Distribution>>),
    Table(Question, GroupBy, Arc<Vec<Row>>),
    Growth(TimeRange, GrowthBy, Result<Arc<Vec<GrowthRow>>, Refusal>),
    Bands(Charge, Filter, Result<Arc<Bands>, Refusal>),
    Statistics(Result<Arc<Statistics>, Refusal>),
    Sandwich(Question, NamedFunction, Arc<Sandwich>),
    Allocators(Arc<[Allocator]>),
    /// All of one wish is there.
    Done(Box<Wanted>),
}

/// The thread, seen from the UI.
pub(super) struct Worker {
    shared: Arc<Shared>,
    parts: mpsc::Receiver<Part>,
}

/// What both sides see.
#[derive(Default)]
struct Shared {
    wish: Mutex<Wish>,
    changed: Condvar,
}

#[derive(Default)]
struct Wish {
    wanted: Option<Box<Wanted>>,
    asking: Option<Asking>,
    is_closed: bool,
}

/// A question that the thread is at. What is beyond the index has the capture read again, which may take long.
struct Asking {
    question: Question,
    began: Instant,
    progress: Arc<Progress>,
}

impl Wish {
    /// Gives up a question that nobody waits for any more.
    fn give_up_unwanted(&self) {
        let Some(asking) = &self.asking else { return };
        if self.is_closed || self.wanted.as_ref().is_some_and(|wanted| wanted.question != asking.question) {
            asking.progress.cancel();
        }
    }
}

impl Worker {
    /// Starts the thread. `context` is told to draw again when a part is there.
    pub(super) fn start(index: Index, context: Context) -> Result<Self, UiError> {
        let shared = Arc::<Shared>::default();
        let (sender, parts) = mpsc::channel();
        let for_thread = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("memray-view questions".to_owned())
            .spawn(move || Asker::new(index, for_thread, sender, context).run())
            .map_err(UiError::Thread)?;
        Ok(Self { shared, parts })
    }

    /// Says what is wanted now; what was wanted before is not any more.
    pub(super) fn want(&self, wanted: Wanted) {
        let mut wish = self.shared.lock();
        wish.wanted = Some(Box::new(wanted));
        wish.give_up_unwanted();
        self.shared.changed.notify_one();
    }

    /// How far the question is that the thread is at, if it has been at one for a while.
    pub(super) fn progress(&self) -> Option<Arc<Progress>> {
        let wish = self.shared.lock();
        let asking = wish.asking.as_ref().filter(|asking| asking.began.elapsed() >= PATIENCE)?;
        Some(Arc::clone(&asking.progress))
    }

    /// The parts that have come since.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        self.parts.try_iter()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let mut wish = self.shared.lock();
        wish.is_closed = true;
        wish.give_up_unwanted();
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Wish> {
        // A wish is replaced whole, so one that a panic left behind is as good as any.
        self.wish.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next wish; `None` when the document was closed.
    fn next(&self) -> Option<Box<Wanted>> {
        let mut wish = self.lock();
        loop {
            if wish.is_closed {
                return None;
            }
            if let Some(wanted) = wish.wanted.take() {
                return Some(wanted);
            }
            wish = self.changed.wait(wish).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Asks an index; no answer where a newer wish was for another question before there was one.
    fn ask(&self, index: &Index, question: &Question) -> Option<Result<Answer, Refusal>> {
        let progress = Arc::new(Progress::default());
        {
            let mut wish = self.lock();
            let (question, progress) = (question.clone(), Arc::clone(&progress));
            wish.asking = Some(Asking { question, began: Instant::now(), progress });
            wish.give_up_unwanted();
        }
        let outcome = index.ask_until_cancelled(question, &progress);
        self.lock().asking = None;
        match outcome {
            Err(_) if progress.is_cancelled() => None,
            outcome => Some(outcome),
        }
    }

    fn has_newer(&self) -> bool {
        let wish = self.lock();
        wish.is_closed || wish.wanted.is_some()
    }
}

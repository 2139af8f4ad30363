//! What may have happened last to a variable when control comes to a place: every way there is walked.

use super::{Fork, ForkKind};
use std::ops::Range;

/// Something that happens to the variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// The byte after which it has happened.
    pub(crate) at: usize,
    pub(crate) kind: EventKind,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// It begins without a value.
    Begins,
    /// What was before does not matter any more.
    Ends,
    /// What was before may still be so.
    Adds,
    /// The same, where any of these bits is there; else it stays as it was.
    AddsTo(u128),
    /// These bits are gone.
    Loses(u128),
}

/// What may have happened last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    /// The events, by their places in the list.
    pub(crate) events: Vec<usize>,
    /// Whether nothing may have happened yet.
    pub(crate) begins: bool,
}

/// More events than a set has room for are not told apart.
const MOST_EVENTS: usize = 127;
const BEGIN: u128 = 1 << MOST_EVENTS;
/// How deep statements stand in one another.
const DEEPEST: usize = 100;
/// How often a function is walked until nothing new comes by jumps to labels.
const MOST_ROUNDS: usize = 8;

/// What of the tracked comes by a fork, each by its bit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passes {
    /// The fork, by its place in the list.
    pub(crate) fork: usize,
    /// What may come where its condition holds, or to the label of a switch.
    pub(crate) yes: u128,
    /// What may come where it does not, or where a switch has no label for it.
    pub(crate) no: u128,
}

impl Passes {
    /// What each of the forks lets by of what all of these do, in their order.
    pub(crate) fn merged(mut all: Vec<Passes>) -> Vec<Passes> {
        all.sort_by_key(|one| one.fork);
        all.dedup_by(|next, one| {
            let is_same = next.fork == one.fork;
            if is_same {
                one.yes &= next.yes;
                one.no &= next.no;
            }
            is_same
        });
        all
    }
}

/// What is followed through a function, each by a bit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tracked {
    /// The bits of nothing having happened.
    pub(crate) begin: u128,
    /// The bits of each event.
    pub(crate) events: Vec<u128>,
    /// What forks let by, in their order; others let by everything.
    pub(crate) passes: Vec<Passes>,
}

/// A function as it is walked through.
#[derive(Clone)]
pub(crate) struct Way<'w> {
    pub(crate) forks: &'w [Fork],
    /// What happens, in the order of the places.
    pub(crate) events: &'w [Event],
    pub(crate) body: Range<usize>,
    /// Where it leads.
    pub(crate) at: usize,
    /// Whether two labels have the same name.
    pub(crate) same: &'w dyn Fn(&Range<usize>, &Range<usize>) -> bool,
}

/// Which of the events may be the last ones when control comes to where a way leads, where forks let by what `passes` say; none
/// where it takes too much work or that is never come to. `work` is what is left to do.
pub(crate) fn reached(way: &Way<'_>, passes: &[Passes], work: &mut u32) -> Option<Reached> {
    if way.events.len() >= MOST_EVENTS {
        return None;
    }
    let count = way.events.len();
    let events = (0..count).map(|index| 1 << index).collect();
    let found = kept(way, &Tracked { begin: BEGIN, events, passes: passes.to_vec() }, work)?;
    let events = (0..count).filter(|index| found >> index & 1 == 1).collect();
    (found != 0).then_some(Reached { events, begins: found & BEGIN != 0 })
}

/// What of the tracked may come to where a way leads; none where it takes too much work.
pub(crate) fn kept(way: &Way<'_>, tracked: &Tracked, work: &mut u32) -> Option<u128> {
    let mut walk = Walk::new(way, tracked, work);
    walk.all(way, tracked.begin).then_some(walk.found)
}

/// The parts of a function that control never comes to, in the order of the text, where forks let by what `passes` say; none
/// where that takes too much work. Every label may be jumped to, also from assembly.
pub(crate) fn unreached(
    way: &Way<'_>,
    passes: Vec<Passes>,
    work: &mut u32,
) -> Option<Vec<Range<usize>>> {
    let tracked = Tracked { begin: BEGIN, events: Vec::new(), passes };
    let mut walk = Walk { reached: Some(Vec::new()), ..Walk::new(way, &tracked, work) };
    if !walk.all(way, BEGIN) {
        return None;
    }
    let mut reached = walk.reached.unwrap_or_default();
    reached.sort_unstable_by_key(|range| range.start);
    let mut unreached = Vec::new();
    let mut from = way.body.start;
    for range in reached {
        if from < range.start {
            unreached.push(from..range.start);
        }
        from = from.max(range.end);
    }
    if from < way.body.end {
        unreached.push(from..way.body.end);
    }
    Some(unreached)
}

/// What jumps lead out of, or a label of a switch leads into.
struct Frame {
    kind: FrameKind,
    /// What comes out of it by `break` or `__leave`.
    left: u128,
    /// What goes on by `continue`.
    continued: u128,
    /// What comes to the labels of a switch; of what is tried all that may have happened.
    within: u128,
    has_default: bool,
}

/// What lets by everything.
const ALL: Passes = Passes { fork: usize::MAX, yes: u128::MAX, no: u128::MAX };

#[derive(Clone, Copy, PartialEq, Eq)]
enum FrameKind {
    Loop,
    Switch,
    Try,
}

struct Walk<'w> {
    forks: &'w [Fork],
    events: &'w [Event],
    tracked: &'w Tracked,
    at: usize,
    same: &'w dyn Fn(&Range<usize>, &Range<usize>) -> bool,
    found: u128,
    frames: Vec<Frame>,
    /// What comes to labels by jumps.
    labels: Vec<(Range<usize>, u128)>,
    /// Whether more came to a label than was known when it was passed.
    is_new: bool,
    work: &'w mut u32,
    failed: bool,
    /// The parts that anything comes to, where these are looked for.
    reached: Option<Vec<Range<usize>>>,
}

impl<'w> Walk<'w> {
    fn new(way: &Way<'w>, tracked: &'w Tracked, work: &'w mut u32) -> Walk<'w> {
        Walk {
            forks: way.forks,
            events: way.events,
            tracked,
            at: way.at,
            same: way.same,
            found: 0,
            frames: Vec::new(),
            labels: Vec::new(),
            is_new: false,
            work,
            failed: false,
            reached: None,
        }
    }

    /// Walks until nothing new comes by jumps; whether that could be done.
    fn all(&mut self, way: &Way<'_>, begin: u128) -> bool {
        for _ in 0..=MOST_ROUNDS {
            self.is_new = false;
            self.through(0, way.body.clone(), begin, 0);
            if self.failed || !self.is_new {
                return !self.failed;
            }
        }
        false
    }

    /// Walks through `range`, from `state`; forks before number `next` do not lie in it. Gives what comes out of its end.
    fn through(
        &mut self,
        mut next: usize,
        range: Range<usize>,
        mut state: u128,
        depth: usize,
    ) -> u128 {
        if depth > DEEPEST {
            self.failed = true;
        }
        let mut here = range.start;
        let mut event = self.events.partition_point(|event| event.at < here);
        while !self.failed {
            *self.work = self.work.saturating_sub(1);
            self.failed |= *self.work == 0;
            while self.forks.get(next).is_some_and(|fork| fork.range.start < here) {
                next += 1;
                *self.work = self.work.saturating_sub(1);
            }
            let fork = self.forks.get(next).filter(|fork| fork.range.start < range.end);
            let happens = self.events.get(event).filter(|event| event.at < range.end);
            let to_fork = fork.map_or(range.end, |fork| fork.range.start);
            let to = happens.map_or(to_fork, |event| event.at.min(to_fork));
            if (here..to).contains(&self.at) {
                self.found |= state;
            }
            if let Some(reached) = self.reached.as_mut().filter(|_| state != 0 && here < to) {
                match reached.last_mut().filter(|last| last.end == here) {
                    Some(last) => last.end = to,
                    None => reached.push(here..to),
                }
            }
            here = to;
            match (fork, happens) {
                (Some(fork), _) if fork.range.start == here => {
                    let (end, after) = self.fork(fork, next, state, depth);
                    state = after;
                    next += 1;
                    here = here.max(end);
                    event = self.events.partition_point(|event| event.at < here);
                }
                (_, Some(happens)) => {
                    state = self.after(*happens, event, state);
                    event += 1;
                }
                _ => break,
            }
            self.notice(state);
        }
        state
    }

    fn after(&self, event: Event, index: usize, state: u128) -> u128 {
        match event.kind {
            _ if state == 0 => 0,
            EventKind::Begins => self.tracked.begin,
            EventKind::Ends => self.tracked.events[index],
            EventKind::Adds => state | self.tracked.events[index],
            EventKind::AddsTo(bits) if state & bits == 0 => state,
            EventKind::AddsTo(_) => state | self.tracked.events[index],
            EventKind::Loses(bits) => state & !bits,
        }
    }

    /// What a fork lets by.
    fn passes(&self, fork: usize) -> Passes {
        let all = &self.tracked.passes;
        all.binary_search_by_key(&fork, |one| one.fork).map_or(ALL, |index| all[index])
    }

    /// What is tried may be left at any moment.
    fn notice(&mut self, state: u128) {
        let tries = self.frames.iter_mut().filter(|frame| frame.kind == FrameKind::Try);
        tries.for_each(|frame| frame.within |= state);
    }

    /// Walks through a fork: up to where, and what comes out of it.
    fn fork(&mut self, fork: &Fork, index: usize, state: u128, depth: usize) -> (usize, u128) {
        let Range { start, end } = fork.range;
        let (next, depth) = (index + 1, depth + 1);
        let passes = self.passes(index);
        let after = match &fork.kind {
            ForkKind::Choice { yes, no, .. } => {
                let before = self.through(next, start..yes.start, state, depth);
                let taken = self.through(next, yes.clone(), before & passes.yes, depth);
                let other = before & passes.no;
                taken
                    | match no {
                        Some(no) => self.through(next, no.clone(), other, depth),
                        None => other,
                    }
            }
            ForkKind::Maybe(_) => {
                let taken = self.through(next, start..end, state & passes.yes, depth);
                state & passes.no | taken
            }
            ForkKind::Unclear => {
                let taken = self.through(next, start..end, state, depth);
                // What follows is to be told that can be told for certain.
                if self.reached.is_some() { state | taken } else { taken }
            }
            ForkKind::Loop { begins, condition: _, body, update, is_endless } => {
                let begun = self.through(next, start..*begins, state, depth);
                let condition = *begins..update.as_ref().map_or(body.start, |part| part.start);
                self.rounds(begun, |walk, head| {
                    let asked = walk.through(next, condition.clone(), head, depth);
                    let (out, mut back) = walk.round(next, body, asked & passes.yes, depth);
                    if let Some(update) = update {
                        back = walk.through(next, update.clone(), back, depth);
                    }
                    (if *is_endless { out } else { out | asked & passes.no }, back)
                })
            }
            ForkKind::Do(body, again, _) => self.rounds(state, |walk, head| {
                let (out, back) = walk.round(next, body, head, depth);
                let asked = walk.through(next, body.end..end, back, depth);
                (out | asked & passes.no, if *again { asked & passes.yes } else { 0 })
            }),
            ForkKind::Switch(_, body) => {
                let asked = self.through(next, start..body.start, state, depth);
                self.frames.push(Frame { within: asked, ..Frame::of(FrameKind::Switch) });
                let last = self.through(next, body.clone(), 0, depth);
                let frame = self.frames.pop().unwrap_or(Frame::of(FrameKind::Switch));
                last | frame.left | if frame.has_default { 0 } else { asked & passes.no }
            }
            ForkKind::Try(body, is_finally) => {
                self.tried(next, body, *is_finally, state, end, depth)
            }
            ForkKind::Return => {
                self.through(next, start..end, state, depth);
                0
            }
            point => return (start, self.jump(point, passes, state)),
        };
        (end, after)
    }

    /// Goes round until nothing more comes back: what comes out.
    fn rounds(
        &mut self,
        begun: u128,
        mut once: impl FnMut(&mut Self, u128) -> (u128, u128),
    ) -> u128 {
        let mut head = begun;
        loop {
            let (out, back) = once(self, head);
            if self.failed || head | back == head {
                return out;
            }
            head |= back;
        }
    }

    /// The body of a loop: what breaks out, and what comes to its end or goes on.
    fn round(
        &mut self,
        next: usize,
        body: &Range<usize>,
        state: u128,
        depth: usize,
    ) -> (u128, u128) {
        self.frames.push(Frame::of(FrameKind::Loop));
        let last = self.through(next, body.clone(), state, depth);
        let frame = self.frames.pop().unwrap_or(Frame::of(FrameKind::Loop));
        (frame.left, last | frame.continued)
    }

    fn tried(
        &mut self,
        next: usize,
        body: &Range<usize>,
        is_finally: bool,
        state: u128,
        end: usize,
        depth: usize,
    ) -> u128 {
        self.frames.push(Frame { within: state, ..Frame::of(FrameKind::Try) });
        let last = self.through(next, body.clone(), state, depth);
        let frame = self.frames.pop().unwrap_or(Frame::of(FrameKind::Try));
        let (normal, any) = (last | frame.left, frame.within);
        self.notice(any);
        let handled = self.through(next, body.end..end, any, depth);
        match is_finally {
            true => self.through(next, body.end..end, normal, depth),
            false => normal | handled,
        }
    }

    fn jump(&mut self, kind: &ForkKind, passes: Passes, state: u128) -> u128 {
        let leaves = |frame: &FrameKind| match kind {
            ForkKind::Break => *frame != FrameKind::Try,
            ForkKind::Continue => *frame == FrameKind::Loop,
            _ => *frame == FrameKind::Try,
        };
        match kind {
            ForkKind::Case(value) => {
                let switch =
                    self.frames.iter_mut().rev().find(|frame| frame.kind == FrameKind::Switch);
                let Some(switch) = switch else {
                    // Of a macro that is a switch it is not known what comes to its labels.
                    return if self.reached.is_some() { BEGIN } else { state };
                };
                switch.has_default |= value.is_none();
                return state | switch.within & passes.yes;
            }
            ForkKind::Label(_) if self.reached.is_some() => return BEGIN,
            ForkKind::Label(name) => return state | *self.label(name),
            ForkKind::Goto(name) => {
                let known = self.label(name);
                let is_new = state & !*known != 0;
                *known |= state;
                self.is_new |= is_new;
            }
            _ => {
                let frame = self.frames.iter_mut().rev().find(|frame| leaves(&frame.kind));
                match (frame, kind) {
                    (Some(frame), ForkKind::Continue) => frame.continued |= state,
                    (Some(frame), _) => frame.left |= state,
                    // Of a macro's body it is not known what it leaves.
                    (None, _) => return state,
                }
            }
        }
        0
    }

    fn label(&mut self, name: &Range<usize>) -> &mut u128 {
        let known = self.labels.iter().position(|(known, _)| (self.same)(known, name));
        let index = known.unwrap_or_else(|| {
            self.labels.push((name.clone(), 0));
            self.labels.len() - 1
        });
        &mut self.labels[index].1
    }
}

impl Frame {
    fn of(kind: FrameKind) -> Frame {
        Frame { kind, left: 0, continued: 0, within: 0, has_default: false }
    }
}

//! A function as pieces of code, and of each what matters for what runs before what: where it is, what it
//! calls, and which addresses it hands on.

use super::Search;
use crate::abi::Abi;
use crate::analysis::order::Predecessors;
use crate::decode::{Flow, Stub};
use crate::flow::{Entry, Graph};
use crate::ir::{Address, Op, Reg, Source, Target};
use std::ops::RangeInclusive;

/// Where the routines of a driver stand in its `DRIVER_OBJECT`, and `AddDevice` in the `DRIVER_EXTENSION`, in
/// bytes (wdm.h, 64 bits).
const IN_DRIVER_OBJECT: RangeInclusive<i64> = 0x58..=0x148;
const ADD_DEVICE: i64 = 8;

/// What an instruction does that matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It is at this address.
    At(u32),
    /// It calls, or goes on to, this function.
    Calls(u32),
    /// It calls a function of another module.
    CallsOutside,
    /// It calls a function by a pointer that does not say which.
    CallsUnknown,
    /// It hands on the address of this place: of a function, which may then be called by others, or of
    /// an object that leads to functions.
    HandsOn(u32),
    /// It puts the address of a place into an object of the image.
    Puts {
        /// Where in the object.
        to: u32,
        /// The place.
        address: u32,
    },
}

/// A function as pieces of code, and the ways between them.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    pub(super) events: Vec<Vec<Event>>,
    /// Where code goes on, and whether only where something failed and the function then returns a code that
    /// says so.
    pub(super) next: Vec<Vec<(usize, bool)>>,
    /// Whether the function ends there.
    pub(super) ends: Vec<bool>,
    /// Whether what the last call there returned is still in the result's register.
    pub(super) hands_back: Vec<bool>,
    /// Where on the stack that was put and still stands at the piece's end, as code does that is not optimised.
    pub(super) puts: Vec<Option<i64>>,
    /// Where on the stack the function's result comes from, if it ends there.
    pub(super) returns: Vec<Option<i64>>,
    pub(super) start: Option<usize>,
}

/// What registers are known to hold at one place.
#[derive(Clone, Default)]
struct Held {
    /// Addresses in the image.
    places: Vec<(Reg, u32)>,
    /// Pointers to functions of other modules.
    outside: Vec<Reg>,
    /// Pointers to tables of such.
    tables: Vec<Reg>,
    /// What was loaded by way of another register.
    loaded: Vec<(Reg, Reg)>,
}

impl Held {
    fn place(&self, register: Reg) -> Option<u32> {
        self.places.iter().find(|(held, _)| *held == register).map(|held| held.1)
    }

    fn keep(&mut self, kept: impl Fn(Reg) -> bool) {
        self.places.retain(|(register, _)| kept(*register));
        self.outside.retain(|register| kept(*register));
        self.tables.retain(|register| kept(*register));
        self.loaded.retain(|(register, _)| kept(*register));
    }

    /// A call leaves no more than it must.
    fn call(&mut self, abi: &Abi, outside: bool) {
        self.keep(|register| abi.volatile >> register.0 & 1 == 0);
        if outside {
            // Other modules do not know where the functions of this one are.
            self.outside.push(abi.result);
        }
    }
}

impl Search<'_> {
    /// A function as pieces; `ways` are those that are possible, if that is known.
    pub(super) fn pieces(
        &mut self,
        graph: &mut Graph,
        ways: Option<&[(usize, usize, bool)]>,
    ) -> Pieces {
        let mut pieces = Pieces::default();
        (0..graph.blocks.len()).for_each(|block| graph.lift(&mut *self.decoder, block));
        let predecessors = Predecessors::of(graph);
        let objects = objects(graph);
        let mut behind: Vec<Held> = Vec::with_capacity(graph.blocks.len());
        for index in 0..graph.blocks.len() {
            let block = &graph.blocks[index];
            let mut held = match (predecessors.before(index), block.entry) {
                (&[before], None) => behind.get(before).cloned().unwrap_or_default(),
                _ => Held::default(),
            };
            let mut events = Vec::new();
            let (mut ends, mut hands_back) = (false, false);
            let (mut puts, mut returns) = (None, None);
            for insn in &graph.insns[block.insns.clone()] {
                for op in graph.ops(insn) {
                    events.extend(self.handed_on(op, &held));
                    self.note(op, &mut held);
                    self.note_result(op, hands_back, &mut puts, &mut returns);
                    hands_back &= op.sets() != Some(self.transfer.abi.result);
                }
                events.push(Event::At(insn.at));
                let inside = |at: u32| graph.insns.binary_search_by_key(&at, |one| one.at).is_ok();
                match insn.flow {
                    // They leave everything as it is.
                    Flow::Call(Target::Pointer(place)) if self.places.is_guard_check(place) => {}
                    Flow::Call(Target::Code(at)) if self.decoder.checks_cookie(at) => {}
                    Flow::Call(target) => {
                        let first = events.len();
                        self.call(target, &held, &objects, &mut events);
                        let outside = events[first..].contains(&Event::CallsOutside);
                        held.call(self.transfer.abi, outside);
                        (hands_back, puts, returns) = (true, None, None);
                    }
                    Flow::Jump(at) if !inside(at) => {
                        self.call(Target::Code(at), &held, &objects, &mut events);
                        (ends, hands_back) = (true, true);
                    }
                    Flow::Indirect(target) if graph.successors(index).is_empty() => {
                        self.call(target, &held, &objects, &mut events);
                        ends = true;
                    }
                    Flow::Return => ends = true,
                    // It may end there, in another function.
                    Flow::Branch(at) if !inside(at) => events.push(Event::CallsUnknown),
                    _ => {}
                }
            }
            behind.push(held);
            let next = match ways {
                Some(ways) => ways
                    .iter()
                    .filter(|(from, ..)| *from == index)
                    .map(|(_, to, failed)| (*to, *failed))
                    .collect(),
                None => graph.successors(index).iter().map(|to| (*to, false)).collect(),
            };
            if block.entry == Some(Entry::Start) {
                pieces.start = Some(index);
            }
            pieces.events.push(events);
            pieces.ends.push(ends && graph.successors(index).is_empty());
            pieces.hands_back.push(hands_back);
            pieces.puts.push(puts);
            pieces.returns.push(returns.filter(|_| ends));
            pieces.next.push(next);
        }
        pieces
    }

    /// What becomes of an address in the image that an operation makes or moves: in an argument's register,
    /// on the stack or in memory a call may find it. What is stored into the driver object nobody calls before
    /// the start is over.
    fn handed_on(&self, op: &Op, held: &Held) -> Option<Event> {
        let abi = self.transfer.abi;
        let Op::Store { to, value: Source::Reg(from), .. } = *op else {
            op.sets().filter(|to| abi.arguments.contains(to))?;
            return made(op, held).map(Event::HandsOn);
        };
        let address = held.place(from)?;
        let object = match to.base {
            Some(base) if base == abi.stack_pointer => return Some(Event::HandsOn(address)),
            Some(base) => match held.place(base) {
                Some(object) => i64::from(object),
                // Whoever has the object may know of the function.
                None => {
                    let is_known = self.places.code_from(address).is_some()
                        && !IN_DRIVER_OBJECT.contains(&to.offset)
                        && to.offset != ADD_DEVICE;
                    return is_known.then_some(Event::HandsOn(address));
                }
            },
            None if to.in_image => 0,
            None => return None,
        };
        let to = u32::try_from(object.checked_add(to.offset)?).ok()?;
        Some(Event::Puts { to, address })
    }

    /// Notes what a register holds behind an operation.
    fn note(&self, op: &Op, held: &mut Held) {
        let Some(to) = op.sets() else { return };
        let place = made(op, held);
        let (mut outside, mut table, mut by) = (false, false, None);
        match *op {
            Op::Load { from, .. } if from.in_image => {
                if let Ok(place) = u32::try_from(from.offset) {
                    outside = self.places.is_import(place)
                        || self.transfer.aims.array_around(place).is_some();
                    table = self.transfer.aims.table_by(place).is_some();
                }
            }
            Op::Load { from, .. } => {
                outside = from.base.is_some_and(|base| held.tables.contains(&base));
                by = from.base;
            }
            Op::Copy { from: Source::Reg(from), .. } => {
                outside = held.outside.contains(&from);
                table = held.tables.contains(&from);
                by = held.loaded.iter().find(|(loaded, _)| *loaded == from).map(|loaded| loaded.1);
            }
            _ => {}
        }
        held.keep(|register| register != to);
        held.places.extend(place.map(|place| (to, place)));
        held.outside.extend(outside.then_some(to));
        held.tables.extend(table.then_some(to));
        held.loaded.extend(by.map(|by| (to, by)));
    }

    /// Notes where an operation puts what a call returned, if that `is_there`, and where the result comes from.
    fn note_result(
        &self,
        op: &Op,
        is_there: bool,
        puts: &mut Option<i64>,
        returns: &mut Option<i64>,
    ) {
        let abi = self.transfer.abi;
        let on_stack = |at: &Address| {
            (at.base == Some(abi.stack_pointer) && at.index.is_none()).then_some(at.offset)
        };
        match op {
            Op::Store { to, value, .. } => {
                let Some(at) = on_stack(to) else { return };
                if is_there && *value == Source::Reg(abi.result) {
                    *puts = Some(at);
                } else {
                    *puts = puts.filter(|known| known.abs_diff(at) >= 8);
                }
                *returns = returns.filter(|known| known.abs_diff(at) >= 8);
            }
            Op::Load { to, from, .. } if *to == abi.result => *returns = on_stack(from),
            _ if op.sets() == Some(abi.result) => *returns = None,
            _ if op.sets() == Some(abi.stack_pointer) => *puts = None,
            _ => {}
        }
    }

    /// Tells what a call goes to. `objects` are those of the image that registers are led through.
    fn call(&self, target: Target, held: &Held, objects: &[(Reg, u32)], events: &mut Vec<Event>) {
        let register = match target {
            Target::Code(code) => match self.decoder.stub(code) {
                Stub::Code(function) => return events.push(Event::Calls(function)),
                Stub::ToRegister(register) | Stub::Retpoline(register) => register,
                Stub::ToPointer(place) => match self.pointed(place) {
                    Ok(event) => return events.push(event),
                    Err(register) => register,
                },
            },
            Target::Pointer(place) => match self.pointed(place) {
                Ok(event) => return events.push(event),
                Err(register) => register,
            },
            Target::Register(register) | Target::Memory(register) => register,
        };
        if let Some(code) = held.place(register) {
            return events.push(match self.decoder.stub(code) {
                Stub::Code(function) => Event::Calls(function),
                Stub::ToPointer(place) if self.places.is_import(place) => Event::CallsOutside,
                _ => Event::CallsUnknown,
            });
        }
        if held.outside.contains(&register) {
            return events.push(Event::CallsOutside);
        }
        // What stands in an object of the image may be called, as by a loop over a table.
        let by = held.loaded.iter().find(|(loaded, _)| *loaded == register).map(|loaded| loaded.1);
        let mut known = objects.iter().filter(|(register, _)| Some(*register) == by).peekable();
        if known.peek().is_none() {
            events.push(Event::CallsUnknown);
        }
        events.extend(known.map(|(_, object)| Event::HandsOn(*object)));
    }

    /// What a call by the pointer at `place` goes to, or the register that says it.
    fn pointed(&self, place: u32) -> Result<Event, Reg> {
        if self.places.is_guard_dispatch(place) {
            return Err(self.transfer.abi.result);
        }
        let is_outside =
            self.places.is_import(place) || self.transfer.aims.array_around(place).is_some();
        // A variable leads where its content does, and that was put there by name.
        Ok(if is_outside { Event::CallsOutside } else { Event::HandsOn(place) })
    }
}

/// The address in the image that an operation puts into a register.
fn made(op: &Op, held: &Held) -> Option<u32> {
    match *op {
        Op::Point { address, .. } if address.in_image => u32::try_from(address.offset).ok(),
        Op::Copy { from: Source::Image(place), .. } => Some(place),
        Op::Copy { from: Source::Reg(from), .. } => held.place(from),
        _ => None,
    }
}

/// Registers that are given the address of something in the image anywhere in the function, and of what.
fn objects(graph: &Graph) -> Vec<(Reg, u32)> {
    let insns = graph.insns.iter().flat_map(|insn| graph.ops(insn));
    let nothing = Held::default();
    insns.filter_map(|op| Some((op.sets()?, made(op, &nothing)?))).collect()
}

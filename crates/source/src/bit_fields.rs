//! Bits of a local variable that is a union of a number with bit-fields: what the number is once its parts were set.

mod laid_out;
mod uses;

use crate::control::names_register;
use crate::evaluate::Place;
use crate::expression::{Binary, Step};
use crate::flow::{Event, EventKind, Way, reached};
use crate::syntax::Function;
use crate::value::{Unknown, Value};
pub(crate) use laid_out::Unions;
use laid_out::bits;
use std::ops::Range;
use uses::{Setting, Use, uses};

/// How deep what is set may depend on what was set before.
const DEEPEST: usize = 32;

/// A variable, with what its function does to it.
struct Variable<'v> {
    function: &'v Function,
    uses: Vec<Use>,
    order: Vec<Event>,
}

impl Place<'_, '_> {
    /// The value of a number that bit-fields lie in, of a local variable whose every use is seen; none for all else.
    ///
    /// It is asked for in functions that name control register 0 only: others have no such unions worth the walk.
    pub(crate) fn bit_field_part(&self, name: &str, steps: &[Step], depth: usize) -> Option<Value> {
        let parsed = &self.world.parsed[self.parsed];
        let function = &parsed.syntax.functions[self.function?];
        let text = self.world.tree.file(parsed.file).text.as_str();
        let is_bound = self.macro_given.iter().any(|(known, _)| *known == name);
        let is_hidden = function.hidden.iter().any(|one| **one == *name);
        if is_bound || is_hidden || !function.lambdas.is_empty() {
            return None;
        }
        if !names_register(text.get(function.body.clone())?) {
            return None;
        }
        let of = uses::type_of(text, function, name)?;
        let layout = self.world.unions.of(self.world, self.parsed, of)?;
        let read = bits(self.world, &layout, steps)?;
        if read.lowest != 0 || read.is_field {
            return None;
        }
        let resolve = |path: &[Step]| bits(self.world, &layout, path);
        let kind = parsed.kind(self.world.tree);
        let is_macro =
            |word: &str| !parsed.unit.meanings(word, parsed.time(self.at)).macros.is_empty();
        let uses = uses(text, function, name, kind, &resolve, &is_macro)?;
        let order = uses.iter().map(Use::event).collect();
        let value = self.held(&Variable { function, uses, order }, depth);
        Some(value.cast(read.count))
    }

    /// What all of a variable holds here.
    fn held(&self, of: &Variable<'_>, depth: usize) -> Value {
        if depth > DEEPEST {
            return Value::open(Unknown::TooMuch);
        }
        let open = || Value::open(Unknown::Memory);
        let constant = self.dead().map_or(&[][..], |dead| &dead.passes);
        let walk = |way: &Way<'_>, work: &mut u32| reached(way, constant, work);
        let found = self.walked(of.function, &of.order, self.at, walk);
        let Some(found) = found.filter(|found| !found.begins) else { return open() };
        Value::either(found.events.into_iter().map(|index| self.held_after(of, index, depth)))
    }

    fn held_after(&self, of: &Variable<'_>, index: usize, depth: usize) -> Value {
        let one = &of.uses[index];
        let place = Place { at: one.at, ..*self };
        let given = |range: &Range<usize>| place.ranged(range, depth);
        // What is added to again and again is not followed.
        let is_again = of.function.loops.iter().any(|range| range.contains(&one.at));
        let before = || match is_again {
            true => Value::open(Unknown::Memory),
            false => place.held(of, depth + 4),
        };
        match &one.setting {
            Setting::Open => Value::open(Unknown::Memory),
            Setting::Zero => Value::of(0),
            Setting::Becomes(bits, range) if bits.is_all() => given(range),
            Setting::Becomes(bits, range) => {
                let kept = before().binary(Binary::And, &Value::of(!bits.mask()));
                kept.binary(Binary::Or, &bits.placed(given(range), false))
            }
            Setting::Combines(operator, bits, range) => {
                let with = bits.placed(given(range), *operator == Binary::And);
                before().binary(*operator, &with)
            }
            Setting::Turns(turn, bits, range) if bits.lowest == 0 => {
                turn.turned(before(), &given(range))
            }
            Setting::Turns(..) => Value::open(Unknown::Memory),
        }
    }
}

impl Use {
    fn event(&self) -> Event {
        Event { at: self.end, kind: EventKind::Ends }
    }
}

#[cfg(test)]
mod tests {
    use crate::assembly::Bit;
    use crate::control::bit;
    use crate::{SourceText, SourceTree, analyse};

    /// Intel's manual has WP as bit 16 of CR0, and PE, MP, EM, TS, ET and NE as the bits from 0 on.
    const CR0: &str = "typedef union _CR0 {
 struct {
  UINT64 PE : 1;
#define CR0_PE 1
  UINT64 MP : 1; UINT64 EM : 1, TS : 1, ET : 1; UINT64 NE : 1; UINT64 Reserved1 : 10;
  UINT64 WriteProtect : 1; UINT64 Reserved2 : 15; UINT64 Reserved3 : 32;
 };
 struct { UINT64 low : 6, rest : 10, wp : 1; } fields;
 UINT64 AsUInt;
 UINT64 Flags;
} CR0, *PCR0;
#define OFF(of) (of).WriteProtect = 0
";

    fn bits(code: &str) -> Vec<Bit> {
        let mut tree = SourceTree::default();
        tree.add("cr0.h", SourceText::of(CR0)).unwrap();
        let text = format!("#include \"cr0.h\"\nvoid F(UINT64 x, CR0 given) {{ {code} }}");
        tree.add("a.c", SourceText::of(text)).unwrap();
        analyse(&tree, &[], &[]).control.iter().map(|one| bit(&one.value)).collect()
    }

    #[test]
    fn what_bit_fields_make_of_the_register() {
        const READ: &str = "CR0 cr0; cr0.Flags = __readcr0();";
        const WRITE: &str = "__writecr0(cr0.Flags);";
        let (off, on) = (Some(false), Some(true));
        for (between, expected) in [
            ("cr0.WriteProtect = 0;", off),
            ("cr0.fields.wp = 0; _disable(); Other(x);", off),
            ("cr0.WriteProtect = FALSE; cr0.NE = x;", off),
            ("cr0.WriteProtect = 1;", on),
            ("cr0.WriteProtect = 0; cr0.WriteProtect = 1;", on),
            ("cr0.NE = 0; cr0.fields.low = x;", on),
            ("", on),
            ("cr0.WriteProtect ^= 1;", off),
            ("cr0.WriteProtect &= 0;", off),
            ("cr0.WriteProtect |= 1;", on),
            ("cr0.AsUInt &= ~0x10000ull;", off),
            ("cr0.AsUInt ^= 1 << 16;", off),
            ("cr0.AsUInt |= 0x10000;", on),
            ("_bittestandreset64((LONG64 *)&cr0.AsUInt, 16);", off),
            ("if (x) { cr0.WriteProtect = 0; } else { cr0.WriteProtect = 0; }", off),
            ("y = cr0.WriteProtect ? cr0.NE : cr0.Flags;", on),
            ("if (x) cr0.WriteProtect = 0;", None),
            ("cr0.WriteProtect = x;", None),
            ("cr0.Reserved1 = 0;", on),
            ("cr0.WriteProtect++;", None),
            ("cr0.WriteProtect += 1;", None),
            ("Change(&cr0);", None),
            ("Change(&cr0.Flags);", None),
            ("cr0 = given;", None),
            ("cr0.Flags = x;", None),
            ("cr0.Unheard = 1;", None),
            ("while (x--) cr0.WriteProtect ^= 1;", None),
            ("{ CR0 cr0; cr0.WriteProtect = 0; }", None),
            ("Print(cr0, cr0.NE); old = cr0; cr0.WriteProtect = 0;", off),
            ("OFF(cr0);", None),
            ("OFF((cr0));", None),
        ] {
            assert_eq!(bits(&format!("{READ} {between} {WRITE}")), [expected], "{between}");
        }
    }

    #[test]
    fn how_the_variable_may_begin() {
        let (off, on) = (Some(false), Some(true));
        for (code, expected) in [
            ("CR0 cr0 = { 0 }; __writecr0(cr0.Flags);", off),
            ("CR0 cr0 = { .Flags = __readcr0() }; __writecr0(cr0.Flags);", on),
            (
                "CR0 cr0 = { .AsUInt = __readcr0() }; cr0.WriteProtect = 0; __writecr0(cr0.Flags);",
                off,
            ),
            ("union _CR0 cr0 = { 0 }; cr0.WriteProtect = 1; __writecr0(cr0.AsUInt);", on),
            // The first member gets it: that is the bit called PE.
            ("CR0 cr0 = { __readcr0() }; __writecr0(cr0.Flags);", None),
            ("CR0 cr0; __writecr0(cr0.Flags);", None),
            ("CR0 cr0; cr0.WriteProtect = 0; __writecr0(cr0.Flags);", off),
            ("CR0 cr0 = ReadCr0(); cr0.WriteProtect = 0; __writecr0(cr0.Flags);", off),
            (
                "CR0 cr0, old; cr0.Flags = old.Flags = __readcr0(); cr0.WriteProtect = 0; __writecr0(cr0.Flags);",
                off,
            ),
            (
                "CR0 cr0; cr0.Flags = __readcr0(); cr0.WriteProtect = 0; UINT64 v = cr0.Flags; __writecr0(v);",
                off,
            ),
            (
                "CR0 cr0; cr0.Flags = __readcr0(); cr0.WriteProtect = 0; __writecr0(cr0.Flags | 0x10000);",
                on,
            ),
            ("PCR0 cr0 = Get(); cr0->WriteProtect = 0; __writecr0(cr0->Flags);", None),
            ("static CR0 cr0; cr0.WriteProtect = 0; __writecr0(cr0.Flags);", None),
            ("given.WriteProtect = 0; __writecr0(given.Flags);", None),
        ] {
            assert_eq!(bits(code), [expected], "{code}");
        }
    }

    #[test]
    fn what_is_made_to_be_hard_ends() {
        let many = "if (x) cr0.NE ^= 1; ".repeat(200);
        let code = format!("CR0 cr0; cr0.Flags = __readcr0(); {many} __writecr0(cr0.Flags);");
        assert_eq!(bits(&code).len(), 1);
        for broken in ["CR0 cr0; cr0.", "CR0 cr0 = {", "CR0 cr0; &cr0", "CR0 cr0; cr0.Flags ="] {
            assert!(bits(&format!("{broken} __writecr0(cr0.Flags);")).len() <= 1);
        }
    }
}

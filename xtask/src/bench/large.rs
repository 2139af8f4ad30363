//! C for large drivers, made up but shaped as drivers are: structures walked, commands switched on,
//! sums computed, functions called, and in about one function of thirty a DDI. The same seed gives
//! the same text.

use std::fmt::Write as _;

/// What the C begins with: the structures that all functions work on.
const PREAMBLE: &str = "\
#include \"ddi.h\"

struct item {
    struct item *next, *owner;
    ULONG64 key;
    ULONG flags, state, count, command;
    UCHAR data[64];
};

typedef ULONG operation(struct item *, ULONG, ULONG);

extern struct item *volatile items[64];
extern operation *const operations[16];
struct item *volatile items[64];
ULONG volatile totals[64];
";

/// Calls of DDIs, with a local `size` and an item `i` to take from.
const CALLS: &[&str] = &[
    "i->owner = ExAllocatePoolWithTag(512, size, TAG);",
    "i->owner = ExAllocatePoolWithTag(1, size + 16, TAG);",
    "i->owner = ExAllocatePoolWithTag(a & 1 ? 512 : 1, size, TAG);",
    "i->owner = ExAllocatePoolWithTag(0, size, TAG);",
    "i->owner = ExAllocatePool2(0x40, size, TAG);",
    "i->owner = ExAllocatePoolWithTagPriority(512, size, TAG, 16);",
    "i->owner = MmMapLockedPagesSpecifyCache(i->next, 0, 1, 0, 0, 0x40000010);",
    "i->owner = MmMapLockedPagesSpecifyCache(i->next, 0, 1, 0, 0, a | 0x40000000);",
    "i->owner = MmMapIoSpaceEx(i->key, size, 0x204);",
    "a += (ULONG)ZwMapViewOfSection(i, CURRENT_PROCESS, (void **)&i->owner, 0, size, 0, &size, 2, 0, 4);",
];

/// One function in so many calls a DDI.
const ONE_IN: u32 = 30;

/// The text of a driver with `functions` functions.
pub fn driver(seed: u64, functions: u32) -> String {
    let mut writer = Writer { state: seed, text: PREAMBLE.to_owned(), function: 0, indent: 1 };
    for number in 0..functions {
        writer.function(number);
    }
    writer.table(functions);
    writer.text
}

struct Writer {
    state: u64,
    text: String,
    /// The function being written; calls go to earlier ones.
    function: u32,
    indent: usize,
}

impl Writer {
    /// A number below `limit`: a linear congruential generator is even enough for text.
    fn below(&mut self, limit: u32) -> u32 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.state >> 33) % u64::from(limit)) as u32
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u32) as usize]
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{:1$}{text}", "", 4 * self.indent);
    }

    fn function(&mut self, number: u32) {
        self.function = number;
        let _ = writeln!(
            self.text,
            "\n__attribute__((noinline)) ULONG f{number}(struct item *i, ULONG a, ULONG b) {{"
        );
        self.line("SIZE_T size = a + 64;");
        self.line("ULONG c = b ^ (ULONG)size, d = i->flags;");
        let call = self.below(ONE_IN) == 0;
        let statements = 3 + self.below(6);
        let place = self.below(statements);
        for statement in 0..statements {
            let depth = 1 + u32::from(self.below(4) == 0);
            self.statement(depth);
            if call && statement == place {
                let call = self.pick(CALLS);
                self.line(call);
            }
        }
        self.line("return a + b * 3 + c ^ d;");
        self.text.push_str("}\n");
    }

    fn expression(&mut self) -> String {
        let variable =
            |w: &mut Self| w.pick(&["a", "b", "c", "d", "i->state", "i->count", "(ULONG)i->key"]);
        let (left, right) = (variable(self), variable(self));
        let number = self.below(4096);
        match self.below(7) {
            0 => format!("{left} + {right} * {number}"),
            1 => format!("({left} >> {}) ^ {right}", number % 31),
            2 => format!("({left} & {number:#x}) | {right}"),
            3 => format!("{left} - {right} + {number}"),
            4 => format!("i->data[{left} & 63] + {right}"),
            5 => format!("totals[({left} + {number}) & 63] ^ {right}"),
            _ => format!("{left} < {right} ? {number} : {right}"),
        }
    }

    fn condition(&mut self) -> String {
        let left = self.pick(&["a", "b", "c", "d", "i->flags", "i->state"]);
        match self.below(4) {
            0 => format!("{left} & {:#x}", 1 << self.below(16)),
            1 => format!("{left} > {}", self.below(1 << 16)),
            2 => "i->next && i->next != i->owner".to_owned(),
            _ => format!("{left} == {}", self.below(256)),
        }
    }

    fn statement(&mut self, depth: u32) {
        match self.below(if depth == 0 { 5 } else { 9 }) {
            0 | 1 => self.assignment(),
            2 => {
                let (field, value) = (self.pick(&["flags", "state", "count"]), self.expression());
                self.line(&format!("i->{field} = {value};"));
            }
            3 => self.call(),
            4 => {
                let (place, value) = (self.below(64), self.expression());
                self.line(&format!("totals[{place}] += {value};"));
            }
            5 => {
                let condition = self.condition();
                self.block(&format!("if ({condition})"), depth);
            }
            6 => {
                self.block("for (struct item *n = i->next; n && c != n->count; n = n->next)", depth)
            }
            7 => {
                let count = 3 + self.below(40);
                self.block(&format!("for (ULONG n = 0; n < {count}; n++)"), depth);
            }
            _ => self.switch(depth),
        }
    }

    fn assignment(&mut self) {
        let (name, value) = (self.pick(&["a", "b", "c", "d"]), self.expression());
        self.line(&format!("{name} = {value};"));
    }

    fn call(&mut self) {
        let (a, b) = (self.expression(), self.expression());
        let function = self.function;
        let called = if function == 0 || self.below(4) == 0 {
            format!("operations[{}]", self.below(16))
        } else {
            format!("f{}", self.below(function))
        };
        self.line(&format!("d ^= {called}(i->next ? i->next : i, {a}, {b});"));
    }

    fn block(&mut self, head: &str, depth: u32) {
        self.line(&format!("{head} {{"));
        self.indent += 1;
        for _ in 0..=self.below(2) {
            self.statement(depth - 1);
        }
        self.indent -= 1;
        self.line("}");
    }

    fn switch(&mut self, depth: u32) {
        self.line("switch (i->command) {");
        for case in 0..3 + self.below(8) {
            self.line(&format!("case {case}:"));
            self.indent += 1;
            self.statement(depth - 1);
            self.line("break;");
            self.indent -= 1;
        }
        self.line("default:");
        self.indent += 1;
        self.assignment();
        self.indent -= 1;
        self.line("}");
    }

    /// What keeps the functions: a table of some, and of the others the linker leaves none out.
    fn table(&mut self, functions: u32) {
        self.text.push_str("\noperation *const operations[16] = {\n");
        for _ in 0..16 {
            let number = self.below(functions);
            self.line(&format!("f{number},"));
        }
        self.text.push_str("};\n");
    }
}

#[cfg(test)]
mod tests {
    use super::driver;

    #[test]
    fn a_seed_is_a_text_and_a_ddi_is_in_about_one_function_of_thirty() {
        let text = driver(1, 600);
        assert_eq!(text, driver(1, 600));
        assert_ne!(text, driver(2, 600));
        let calls = ["= ExAllocate", "= MmMap", ")ZwMap"];
        let calls: usize = calls.iter().map(|call| text.matches(call).count()).sum();
        assert!((10..=30).contains(&calls), "{calls}");
        assert_eq!(text.matches("noinline").count(), 600);
    }
}

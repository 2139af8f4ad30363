//! Writes functions in C: a frame full of objects, and statements that change them and call.

use super::draw::Draw;
use super::expression::{constant, few, of, wide};
use std::fmt::Write;

/// What every source begins with.
const BEGIN: &str = r#"#include "random.h"
#ifndef NATIVE
void *memcpy(void *to, const void *from, u64 count) {
    for (u64 index = 0; index < count; index++) ((u8 *)to)[index] = ((const u8 *)from)[index];
    return to;
}
void *memset(void *to, int value, u64 count) {
    for (u64 index = 0; index < count; index++) ((u8 *)to)[index] = (u8)value;
    return to;
}
#endif
static const u32 few[8] = {0, 1, 0x200, 0x201, 0x40, 0x400, 4, 0x40000000};
static const u8 bytes[4] = {4, 64, 0x20, 2};
u32 volatile setting = 1;
static APART void put(u32 *to, u32 value) { *to = value; }
static APART void put_byte(u8 *to, u32 value) { *to = (u8)value; }
static APART void put_record(struct record *to, u32 value) { to->first = value; to->high = value & 0xfffff; }
static APART void put_behind(u32 *from, u32 value) { from[1] = value; }
static APART u32 mixed(u32 x, u32 y, u32 z, u32 v, u32 w) { return setting ? x ^ y : z + v * w; }
APART struct record made(u32 value) { return (struct record){.first = value, .third = (u8)value, .middle = 5}; }
"#;

/// A source of `count` functions, named from 0.
pub fn source(draw: &mut Draw, count: usize) -> String {
    let mut writer =
        Writer { draw, text: BEGIN.to_owned(), names: Vec::new(), calls: 1000, labels: 0 };
    for index in 0..count {
        writer.function(index);
    }
    let names: Vec<_> = (0..count).map(|index| format!("f{index}")).collect();
    let names = names.join(", ");
    let end =
        format!("routine *const routines[] = {{{names}}};\nconst u32 routine_count = {count};\n");
    writer.text + &end
}

struct Writer<'d> {
    draw: &'d mut Draw,
    text: String,
    /// What can be read and written.
    names: Vec<String>,
    /// The number of the next call.
    calls: u32,
    labels: u32,
}

impl Writer<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn of(&mut self, depth: usize) -> String {
        of(self.draw, &self.names, depth)
    }

    /// What an argument is.
    fn argument(&mut self) -> String {
        if self.draw.once_in(3) { self.of(2) } else { few(self.draw, &self.names) }
    }

    fn function(&mut self, index: usize) {
        self.line(&format!("ROUTINE(f{index});\nROUTINE(f{index}) {{"));
        self.frame();
        for _ in 0..3 + self.draw.below(8) {
            self.statement(3, false);
        }
        for _ in 0..2 {
            self.call();
        }
        if self.draw.once_in(2) {
            let call = self.call_text();
            self.line(&format!("return {call};\n}}"));
        } else {
            let value = self.of(2);
            self.line(&format!("return {value};\n}}"));
        }
    }

    /// Declares the objects of a function.
    fn frame(&mut self) {
        self.names = Vec::new();
        for index in 0..1 + self.draw.below(4) {
            let kind = self.draw.pick(&[
                "u32",
                "u32",
                "u16",
                "u8",
                "i32",
                "i8",
                "i16",
                "volatile u32",
                "volatile u8",
            ]);
            let value =
                if self.draw.once_in(2) { constant(self.draw) } else { "(a & 3u)".to_owned() };
            let cast = kind.trim_start_matches("volatile ");
            self.line(&format!("{kind} v{index} = ({cast}){value};"));
            self.names.push(format!("v{index}"));
        }
        let [x, y, k, o] = [(); 4].map(|()| constant(self.draw));
        let align = if self.draw.once_in(10) { "_Alignas(32) " } else { "" };
        self.line(&format!("u32 out = {k}, keep = {o};\n{align}u32 x[4] = {{{x}, {y}, b, 1}};"));
        let line = format!("u8 y[8] = {{1, {}, 3, (u8)e}};", self.draw.below(256));
        self.line(&line);
        self.line(&format!(
            "struct record m = {{.first = {x}, .third = 4}}, n = {{.first = e & 1}};"
        ));
        let line = format!("union pieces h = {{.whole = {:#x}u}};", self.draw.number());
        self.line(&line);
        self.line("u32 *q = &out;\n(void)q, (void)m, (void)n, (void)h, (void)x, (void)y;");
        let line = format!(
            "u32 (*ask)(u32, u32) = {};",
            self.draw.pick(&["a ? AskLeft : AskRight", "AskLeft"])
        );
        self.line(&line);
        if self.draw.once_in(12) {
            self.line("u32 *r = __builtin_alloca(((b & 3) + 4) * 4);\nr[0] = 1; r[1] = a; r[2] = 2; r[3] = 3;");
            self.names.extend(["r[0]".to_owned(), "r[a & 3]".to_owned()]);
        }
        let mut more = vec![
            "out",
            "keep",
            "x[0]",
            "x[1]",
            "x[2]",
            "x[a & 3]",
            "x[e & 1]",
            "y[1]",
            "y[b & 7]",
            "m.first",
            "m.second",
            "m.third",
            "m.fourth",
            "m.low",
            "m.middle",
            "m.high",
            "n.first",
            "n.fifth",
            "h.half[0]",
            "h.half[1]",
            "h.quarter[1]",
            "h.byte[0]",
            "h.byte[3]",
            "h.byte[b & 7]",
            "h.whole",
            "*q",
        ];
        for _ in 0..3 + self.draw.below(6) {
            let name = more.swap_remove(self.draw.below(more.len()));
            self.names.push(name.to_owned());
        }
    }

    fn statement(&mut self, depth: usize, looping: bool) {
        let kinds = if depth == 0 { 12 } else { 19 };
        match self.draw.below(kinds) {
            0..=2 => self.assign(),
            3..=5 => self.call(),
            6 => self.given_away(),
            7 => self.pointer(),
            8 => self.copy(),
            9 => self.apart(),
            10 => {
                let (condition, call) = (self.of(2), self.call_text());
                self.line(&format!("if ({condition}) return {call};"));
            }
            11 if looping => {
                let condition = self.of(1);
                let what = self.draw.pick(&["break", "continue"]);
                self.line(&format!("if ({condition}) {what};"));
            }
            11 => self.assign(),
            12..=14 => self.either(depth - 1, looping),
            15 | 16 => self.many(depth - 1),
            _ => self.repeat(depth - 1),
        }
    }

    fn block(&mut self, depth: usize, looping: bool) {
        for _ in 0..1 + self.draw.below(3) {
            self.statement(depth, looping);
        }
    }

    fn assign(&mut self) {
        let name = self.names[self.draw.below(self.names.len())].clone();
        let value = self.argument();
        let what = self.draw.pick(&["=", "=", "=", "|=", "&=", "^="]);
        self.line(&format!("{name} {what} {value};"));
    }

    fn either(&mut self, depth: usize, looping: bool) {
        let condition = self.of(2);
        self.line(&format!("if ({condition}) {{"));
        self.block(depth, looping);
        if self.draw.once_in(2) {
            self.line("} else {");
            self.block(depth, looping);
        }
        self.line("}");
    }

    fn many(&mut self, depth: usize) {
        let (value, mask) = (self.of(1), self.draw.pick(&["7", "15"]));
        self.line(&format!("switch ({value} & {mask}) {{"));
        for case in 0..3 + self.draw.below(6) {
            self.line(&format!("case {case}:"));
            if self.draw.once_in(2) {
                self.assign();
            } else {
                self.block(depth.min(1), false);
            }
            if !self.draw.once_in(5) {
                self.line("break;");
            }
        }
        if self.draw.once_in(2) {
            self.line("default:");
            self.assign();
        }
        self.line("}");
    }

    fn repeat(&mut self, depth: usize) {
        self.labels += 1;
        let label = self.labels;
        if self.draw.once_in(4) {
            let value = self.argument();
            let line = match self.draw.below(4) {
                0 => format!("for (u32 *z = x; z != x + 4; z++) *z = {value};"),
                1 => format!("for (u32 *z = x + 4; z != x;) *--z = {value};"),
                2 => format!("for (u8 *z = y; z < y + 8; z++) *z = (u8){value};"),
                _ => "for (u8 *z = h.byte, *o = y; z < h.byte + 8;) *z++ = *o++;".to_owned(),
            };
            self.line(&line);
            return;
        }
        let bound = match self.draw.below(3) {
            0 => format!("{}", 1 + self.draw.below(5)),
            1 => "(b & 3)".to_owned(),
            _ => format!("({} & 7)", self.of(1)),
        };
        // The bound is worked out once: what is in it may change.
        self.line(&format!(
            "for (u32 l{label} = 0, m{label} = {bound}; l{label} < m{label}; l{label}++) {{"
        ));
        if self.draw.once_in(2) {
            let name = self.names[self.draw.below(self.names.len())].clone();
            let what = self.draw.pick(&["^=", "|=", "="]);
            self.line(&format!("{name} {what} x[l{label} & 3] + l{label};"));
        }
        self.block(depth.min(1), true);
        self.line("}");
    }

    /// Others get the address of an object, and may change it now or later.
    fn given_away(&mut self) {
        let value = self.argument();
        let line = match self.draw.below(10) {
            0 => "Change(&out);".to_owned(),
            1 => "ChangeLater(&keep);".to_owned(),
            2 => format!("put(&keep, {value});"),
            3 => format!("put(x + ({value} & 3), a);"),
            4 => format!("put_record(&m, {value});"),
            5 => format!("put_byte(y + {}, {value});", self.draw.below(8)),
            6 => format!("put_behind(x + {}, {value});", self.draw.below(3)),
            7 => "Change(x + 1);".to_owned(),
            8 => "Change(&m.first);".to_owned(),
            _ => "Change(q);".to_owned(),
        };
        self.line(&line);
    }

    /// Changes through a pointer that is one of several.
    fn pointer(&mut self) {
        let value = self.argument();
        let condition = self.of(1);
        let target =
            self.draw.pick(&["&out", "&keep", "x + 2", "x + (b & 3)", "&m.first", "h.half", "p"]);
        let other = self.draw.pick(&["q", "q", "&n.first", "&keep", "p + 1"]);
        self.line(&format!("q = {condition} ? {target} : {other};"));
        if !self.draw.once_in(3) {
            self.line(&format!("*q = {value};"));
        }
    }

    fn copy(&mut self) {
        let value = self.argument();
        let line = match self.draw.below(8) {
            0 => "m = n;".to_owned(),
            1 => "n = m;".to_owned(),
            2 => format!("m = made({value});"),
            3 => "__builtin_memcpy(x, &m, 16);".to_owned(),
            4 => "__builtin_memcpy(&h, y, 8);".to_owned(),
            5 => format!("__builtin_memset(x, {}, 16);", self.draw.below(3)),
            6 => format!("n = (struct record){{.first = {value}, .low = 3}};"),
            _ => "__builtin_memcpy(x, p, 16);".to_owned(),
        };
        self.line(&line);
    }

    /// A call that is not asked about.
    fn apart(&mut self) {
        let name = self.names[self.draw.below(self.names.len())].clone();
        let [one, two] = [(); 2].map(|()| self.argument());
        let line = match self.draw.below(4) {
            0 => format!("{name} = Look();"),
            1 => format!("{name} = mixed({one}, {two}, a, b, {one});"),
            2 => "setting = Look();".to_owned(),
            _ => format!("p[1] = {one};"),
        };
        self.line(&line);
    }

    fn call(&mut self) {
        let call = self.call_text();
        if self.draw.once_in(3) {
            let name = self.names[self.draw.below(self.names.len())].clone();
            self.line(&format!("{name} = {call};"));
        } else {
            self.line(&format!("{call};"));
        }
    }

    /// A call that is asked about.
    fn call_text(&mut self) -> String {
        let call = self.calls;
        self.calls += 1;
        let value = self.argument();
        let big = wide(self.draw, &self.names, 2);
        let mut text = String::new();
        let _ = match self.draw.below(12) {
            0..=4 => write!(text, "AskOne({value}, {call})"),
            5 | 6 => write!(text, "AskPair({big}, (u8){value}, {call})"),
            7 | 8 => {
                let [two, three] = [(); 2].map(|()| self.argument());
                write!(text, "AskFive({call}, {big}, {two}, (u16){three}, {value})")
            }
            9 => write!(text, "ask({value}, {call})"),
            _ => {
                let [two, three, five, eight] = [(); 4].map(|()| self.argument());
                let other = wide(self.draw, &self.names, 1);
                write!(
                    text,
                    "AskNine({big}, {two}, (u8){three}, {call}, {five}, {other}, (u8){three}, (u16){eight}, {value})"
                )
            }
        };
        text
    }
}

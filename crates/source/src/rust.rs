//! Rust: calls of DDIs through the bindings that drivers use, with what their arguments may be.

mod assembly;
mod conditions;
mod expression;
mod follow;
mod kit;
mod modules;
mod number;
mod opened;
mod path;
mod reaching;
mod reader;
mod running;
mod syntax;
mod terms;
mod uses;
mod values;
mod world;

use crate::calls::{CallId, SourceCall, Wrappers};
use crate::searcher::Searcher;
use crate::world::FunctionId;
use crate::{CodeUse, ControlWrite, FileId, FileKind, SourceTree, analysis, vocabulary};
use foldhash::{HashMap, HashSet};
use follow::Follower;
use kit::{crate_of, drivers};
use modules::Modules;
use rayon::prelude::*;
use std::cell::Cell;
use values::Wanted;
use world::{Read, World};

/// What the Rust of a tree has to say.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) calls: Vec<SourceCall>,
    pub(crate) parsed: Vec<FileId>,
    pub(crate) cut: Vec<FileId>,
    /// Writes of control register 0.
    pub(crate) control: Vec<ControlWrite>,
    /// Memory that is run.
    pub(crate) code_uses: Vec<CodeUse>,
}

/// How often more files are read for what the last ones name, and how often wrappers are made of wrappers.
const MOST_ROUNDS: usize = 6;
/// More calls that hand a parameter on than a function has.
const MOST_IN_A_WRAPPER: usize = 256;
/// More names than any tree has; beyond them no further ones are followed.
const MOST_NAMES: usize = 20_000;

/// What is looked for.
#[derive(Clone, Default, PartialEq, Eq)]
struct Interest {
    /// Functions and macros whose calls are followed.
    called: HashSet<Box<str>>,
    /// The words without which a file has none of these.
    words: HashSet<Box<str>>,
    /// Constants that are defined somewhere else.
    defined: HashSet<Box<str>>,
}

/// Looks at all Rust of a tree.
pub(crate) fn analyse(tree: &SourceTree) -> Found {
    Found { control: assembly::writes(tree), ..calls(tree) }
}

/// The calls of DDIs in all Rust of a tree.
fn calls(tree: &SourceTree) -> Found {
    let of_rust = tree.files().filter(|(_, file)| file.kind == FileKind::Rust);
    let files: Vec<FileId> = of_rust.map(|(id, _)| id).collect();
    let ddis: HashSet<Box<str>> = vocabulary::functions().map(Into::into).collect();
    let mut interest = Interest { called: ddis.clone(), words: ddis, defined: HashSet::default() };
    if !files.is_empty() && naming(tree, &files, &interest.words).is_empty() {
        return Found::default();
    }
    let drivers = drivers(tree);
    let mut modules = Modules::new(tree);
    let mut found = Found::default();
    for _ in 0..MOST_ROUNDS {
        let world = World::new(tree, read(&mut modules, &files, &interest), drivers.clone());
        let wanted = Wanted::default();
        let (calls, wrappers) = follow(&world, &interest, &wanted);
        let before = interest.clone();
        interest.add_wrappers(&world, &wrappers);
        interest.defined.extend(wanted.into_inner().unwrap_or_default());
        found = Found {
            calls: analysis::told(calls, Vec::new(), &wrappers, |id| world.span(id)),
            parsed: world.files.iter().map(|read| read.file).collect(),
            cut: world
                .files
                .iter()
                .filter(|read| read.syntax.is_cut)
                .map(|read| read.file)
                .collect(),
            control: Vec::new(),
            code_uses: running::uses(&world),
        };
        let size = interest.called.len() + interest.defined.len();
        if interest == before || size > MOST_NAMES {
            break;
        }
    }
    found
}

impl Interest {
    fn add_wrappers(&mut self, world: &World<'_>, wrappers: &Wrappers) {
        for id in wrappers.keys() {
            let function = &world.files[id.parsed].syntax.functions[id.function];
            self.called.insert(function.name.clone());
            // Who calls `Type::new` names the type.
            let word = function.owner.as_ref().filter(|_| !function.takes_self);
            self.words.insert(word.unwrap_or(&function.name).clone());
        }
    }
}

/// The files that have one of `words`.
fn naming(tree: &SourceTree, files: &[FileId], words: &HashSet<Box<str>>) -> Vec<FileId> {
    let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
    let searcher = Searcher::of(&words);
    let is_naming = |file: &&FileId| searcher.is_any_in(tree.file(**file).text.as_str());
    files.par_iter().filter(is_naming).copied().collect()
}

/// Reads the files that name what is looked for, and those that define what these name.
fn read(modules: &mut Modules<'_>, files: &[FileId], interest: &Interest) -> Vec<Read> {
    let tree = modules.tree;
    let mut wanted = naming(tree, files, &interest.words);
    if !interest.defined.is_empty() {
        let defining = naming(tree, files, &interest.defined).into_iter();
        wanted.extend(
            defining.filter(|file| defines(tree.file(*file).text.as_str(), &interest.defined)),
        );
    }
    wanted.sort();
    wanted.dedup();
    wanted.retain(|file| !modules.leave_out(*file));
    let one = |file: &FileId| {
        let source = tree.file(*file);
        let is_named = |word: &str| interest.words.contains(word);
        Read {
            file: *file,
            syntax: reader::syntax(source.text.as_str(), is_named),
            of_crate: crate_of(&source.path),
        }
    };
    wanted.par_iter().map(one).collect()
}

/// Whether a text defines a constant of one of these names, or an enumeration with such a variant.
fn defines(text: &str, names: &HashSet<Box<str>>) -> bool {
    let words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let mut before = "";
    let mut has_enumeration = false;
    for word in words.filter(|word| !word.is_empty()) {
        has_enumeration |= before == "enum";
        if names.contains(word) && (has_enumeration || matches!(before, "const" | "static" | "mut"))
        {
            return true;
        }
        before = word;
    }
    false
}

type Followed = (HashMap<CallId, Vec<SourceCall>>, Wrappers);

/// Follows all calls that are looked for, until no further function turns out to hand a parameter on.
fn follow(world: &World<'_>, interest: &Interest, wanted: &Wanted) -> Followed {
    let mut wrappers = Wrappers::default();
    let mut calls: HashMap<CallId, Vec<SourceCall>> = HashMap::default();
    let mut called = interest.called.clone();
    for _ in 0..MOST_ROUNDS {
        let follower = Follower { world, wrappers: &wrappers, wanted };
        let of_file = |parsed: usize| {
            let budget = Cell::new(world.budget(parsed));
            let ids = world.calls_of(parsed, &called).into_iter();
            ids.map(|id| (id, follower.reach(id, &budget))).collect::<Vec<_>>()
        };
        let all: Vec<_> = (0..world.files.len()).into_par_iter().flat_map_iter(of_file).collect();
        // Calls of what turned out to be a wrapper, or to lead on in another way, are followed anew.
        called.clear();
        for (id, reached) in all {
            if let Some(function) =
                world.call(id).function.filter(|_| reached.iter().any(|one| one.depends))
            {
                let one = &world.files[id.parsed].syntax.functions[function];
                called.insert(one.name.clone());
                let known = wrappers.entry(FunctionId { parsed: id.parsed, function }).or_default();
                if known.len() < MOST_IN_A_WRAPPER && !known.contains(&id) {
                    known.push(id);
                }
            }
            calls.insert(id, reached.into_iter().map(|one| one.call).collect());
        }
        if called.is_empty() {
            break;
        }
    }
    (calls, wrappers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SourceText, analyse};

    /// A tree of the files of a driver.
    pub(super) fn driver(files: &[(&str, &str)]) -> SourceTree {
        let mut tree = SourceTree::default();
        for (path, text) in files {
            tree.add(path, SourceText::of(*text)).unwrap();
        }
        tree
    }

    fn value(call: &SourceCall) -> String {
        call.deciding().map_or_else(String::new, |(_, argument)| {
            let one = |choice: &crate::Choice| match (&choice.unknown, choice.bits.constant()) {
                (_, Some(value)) => format!("{value:#x}"),
                (why, None) => format!("{:#x}? {}", choice.bits.ones, why.as_ref().unwrap()),
            };
            argument.value.choices.iter().map(one).collect::<Vec<_>>().join(" or ")
        })
    }

    /// Each call as `path:line function DDI values`, with the wrappers on the way.
    pub(super) fn told(tree: &SourceTree) -> Vec<String> {
        let told = |call: &SourceCall| {
            let file = tree.file(call.span.file);
            let line = file.text.place(call.span.start as usize).line;
            let function = call.function.as_deref().unwrap_or("-");
            let via: Vec<_> = call.via.iter().map(|hop| format!(" < {}", hop.name)).collect();
            let (ddi, value) = (call.ddi.name, value(call));
            format!("{}:{line} {function} {ddi} {value}{}", file.path, via.concat())
        };
        analyse(tree, &[], &[]).calls.iter().map(told).collect()
    }

    /// What decides at the only call of a file that takes all of the kit.
    pub(super) fn values(text: &str) -> String {
        let text = format!("use wdk_sys::{{*, ntddk::*}}; {text}");
        let calls = analyse(&driver(&[("src/lib.rs", &text)]), &[], &[]).calls;
        assert_eq!(calls.len(), 1, "{text}");
        value(&calls[0])
    }

    /// An allocator as drivers set it up for `alloc`: fine.
    #[test]
    fn an_allocator_is_understood() {
        let text = r##"#![no_std]
use core::alloc::{GlobalAlloc, Layout};
use wdk_sys::{
    POOL_FLAG_NON_PAGED, SIZE_T, ULONG,
    ntddk::{ExAllocatePool2, ExFreePool},
};

pub struct NonPaged;
const TAG: ULONG = u32::from_ne_bytes(*b"ring");

unsafe impl GlobalAlloc for NonPaged {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the level is checked by the caller.
        let memory = unsafe { ExAllocatePool2(POOL_FLAG_NON_PAGED, layout.size() as SIZE_T, TAG) };
        if memory.is_null() { core::ptr::null_mut() } else { memory.cast() }
    }
    unsafe fn dealloc(&self, memory: *mut u8, _layout: Layout) {
        unsafe { ExFreePool(memory.cast()) }
    }
}
"##;
        let tree = driver(&[("src/lib.rs", text)]);
        assert_eq!(told(&tree), ["src/lib.rs:14 NonPaged::alloc ExAllocatePool2 0x40"]);
    }

    /// A driver of the framework, with memory of every kind.
    #[test]
    fn a_driver_is_understood() {
        let text = r##"#![no_std]
use wdk_sys::{
    _MEMORY_CACHING_TYPE::MmNonCached, _MM_PAGE_PRIORITY, _MODE::KernelMode, _POOL_TYPE, *,
    ntddk::{MmMapIoSpaceEx, MmMapLockedPagesSpecifyCache},
};

const DMA_PRIORITY: ULONG = _MM_PAGE_PRIORITY::HighPagePriority as ULONG;

#[export_name = "DriverEntry"]
pub unsafe extern "system" fn driver_entry(driver: PDRIVER_OBJECT, path: PCUNICODE_STRING) -> NTSTATUS {
    let mut memory: WDFMEMORY = core::ptr::null_mut();
    let status = unsafe {
        call_unsafe_wdf_function_binding!(
            WdfMemoryCreate,
            WDF_NO_OBJECT_ATTRIBUTES,
            _POOL_TYPE::NonPagedPool,
            0,
            64,
            &mut memory,
            core::ptr::null_mut()
        )
    };
    if !NT_SUCCESS(status) {
        return status;
    }
    STATUS_SUCCESS
}

unsafe fn map(mdl: PMDL, address: PHYSICAL_ADDRESS, is_writable: bool) -> Option<PVOID> {
    let priority = DMA_PRIORITY | MdlMappingNoExecute;
    let view = MmMapLockedPagesSpecifyCache(
        mdl, KernelMode as KPROCESSOR_MODE, MmNonCached, core::ptr::null_mut(), 0, priority,
    );
    let protection = if is_writable { PAGE_EXECUTE_READWRITE } else { PAGE_READONLY };
    let registers = MmMapIoSpaceEx(address, 4096, protection | PAGE_NOCACHE);
    (!view.is_null()).then_some(registers)
}
"##;
        assert_eq!(
            told(&driver(&[("src/lib.rs", text)])),
            [
                "src/lib.rs:13 driver_entry WdfMemoryCreate 0x0",
                "src/lib.rs:31 map MmMapLockedPagesSpecifyCache 0x40000020",
                "src/lib.rs:35 map MmMapIoSpaceEx 0x240 or 0x202",
            ]
        );
        let tree = driver(&[("src/lib.rs", text)]);
        let calls = analyse(&tree, &[], &[]).calls;
        let mode = calls[1].argument(ringfence_ddi::Role::ProcessorMode).unwrap();
        assert_eq!(mode.value.constant(), Some(0));
        assert_eq!(tree.text(calls[0].arguments[2].span.unwrap()), "_POOL_TYPE::NonPagedPool");
    }

    #[test]
    fn files_without_a_ddi_are_not_parsed() {
        let tree = driver(&[
            ("src/a.rs", "use wdk_sys::*; fn f() { DriverEntry(); }"),
            ("src/b.rs", "fn f() { wdk_sys::ntddk::ExAllocatePool2(0x40, 8, 1); }"),
            ("src/c.rs", "fn f() { MyExAllocatePool2(); }"),
        ]);
        assert_eq!(analyse(&tree, &[], &[]).parsed, [tree.at("src/b.rs").unwrap()]);
    }

    #[test]
    fn c_and_rust_stand_side_by_side() {
        let tree = driver(&[
            ("src/lib.rs", "fn f() { wdk_sys::ntddk::ExAllocatePool2(0x40, 8, 1); }"),
            ("shim.c", "#include <ntddk.h>\nvoid G(void) { ExAllocatePool(NonPagedPool, 1); }"),
        ]);
        assert_eq!(
            told(&tree),
            ["src/lib.rs:1 f ExAllocatePool2 0x40", "shim.c:2 G ExAllocatePool 0x0"]
        );
    }

    /// Nothing here may take long, whatever it comes to.
    #[test]
    fn what_is_made_to_be_hard_ends() {
        let call = "wdk_sys::ntddk::ExAllocatePool2";
        let chain: String =
            (0..3000).map(|n| format!("const C{n}: u64 = C{} | C{};\n", n + 1, n + 1)).collect();
        let wrappers: String = (1..300)
            .map(|n| format!("fn w{n}(f: u64) {{ w{}(f); w{}(f) }}\n", n - 1, n - 1))
            .collect();
        for text in [
            format!("fn f() {{ {} }}", format!("{call}(").repeat(5000)),
            format!("fn f() {{ {call}({}1{}, 8, 1); }}", "(".repeat(1000), ")".repeat(1000)),
            format!("fn f() {{ m!({call}({}), 8, 1); }}", "0x40 | ".repeat(50_000)),
            format!("{chain} fn f() {{ {call}(C0, 8, 1); }}"),
            format!("fn w0(f: u64) {{ {call}(f, 8, 1); }} {wrappers} fn f() {{ w299(0x80); }}"),
            format!(
                "fn f() {{ let mut f = 1; {} {call}(f, 8, 1); }}",
                "if a { f |= 2; }".repeat(2000)
            ),
            format!("fn f() {{ {} {call}(f, 8, 1); }}", "let f = f | 1;".repeat(2000)),
            format!("use {}; fn f() {{ {call}(a, 8, 1); }}", "a::b as a".repeat(3)),
            format!("use b as a; use a as b; fn f() {{ {call}(a, 8, 1); a::{call}(1); }}"),
        ] {
            analyse(&driver(&[("src/lib.rs", &text)]), &[], &[]);
        }
    }
}

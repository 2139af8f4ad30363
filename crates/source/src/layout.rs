//! Where the members of structures lie, by the rules of Microsoft's compiler for x64.

use crate::kit_types::{self, KitType};
use crate::number::Numbers;
use crate::pack::Packing;
use crate::preprocess::{ArmState, Unit};
use crate::shape::{Record, Shapes, Type};
use crate::{FileId, SourceTree, Span};
use foldhash::{HashMap, HashMapExt};
use std::ops::Range;
use std::sync::Arc;

/// Where things lie in a type.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) size: u64,
    pub(crate) align: u64,
    /// What packing does not lessen: the most that `__declspec(align)` asks for in it.
    required: u64,
    /// The places of addresses within eight bytes, a bit for each.
    residues: u8,
    pub(crate) body: Body,
}

impl Layout {
    /// Whether an address in it lies on no multiple of eight where it begins at `base`.
    pub(crate) fn is_misplaced_at(&self, base: u64) -> bool {
        self.residues.rotate_left((base % 8) as u32) & !1 != 0
    }
}

/// What a type is made of.
#[derive(Debug)]
pub(crate) enum Body {
    /// No address.
    Plain,
    Pointer,
    Array(Arc<Layout>, u64),
    Structure(Vec<Placed>),
    /// All members begin together; a value without a name is of the first.
    Union(Vec<Placed>),
}

/// A member in its place.
#[derive(Debug)]
pub(crate) struct Placed {
    /// Where its name stands; none for what has none, or is of the kit.
    pub(crate) name: Option<Span>,
    pub(crate) offset: u64,
    pub(crate) layout: Arc<Layout>,
}

/// Nothing larger is data of a driver.
const LARGEST: u64 = 1 << 30;
const DEEPEST: usize = 32;

/// What the files of a translation unit declare, with what was worked out of it.
pub(crate) struct Layouts<'a, 't> {
    tree: &'t SourceTree,
    unit: &'a Unit<'t>,
    pub(crate) files: &'a [(FileId, Arc<Shapes>)],
    typedefs: HashMap<&'a str, Vec<(usize, &'a Type)>>,
    tags: HashMap<&'a str, Vec<(usize, usize)>>,
    /// Where in each file arms begin that depend on the build, in order.
    open: Vec<Vec<usize>>,
    /// The records that are worked out; none where that is not possible, or not done yet.
    known: HashMap<(usize, usize), Option<Arc<Layout>>>,
}

impl<'a, 't> Layouts<'a, 't> {
    pub(crate) fn new(
        tree: &'t SourceTree,
        unit: &'a Unit<'t>,
        files: &'a [(FileId, Arc<Shapes>)],
    ) -> Layouts<'a, 't> {
        let mut typedefs: HashMap<&str, Vec<_>> = HashMap::new();
        let mut tags: HashMap<&str, Vec<_>> = HashMap::new();
        for (index, (_, shapes)) in files.iter().enumerate() {
            for (name, of) in &shapes.typedefs {
                typedefs.entry(name).or_default().push((index, of));
            }
            for (record, one) in shapes.records.iter().enumerate() {
                if let Some(name) = &one.name {
                    tags.entry(name).or_default().push((index, record));
                }
            }
        }
        let open = files.iter().map(|(file, _)| open_arms(unit, *file)).collect();
        Layouts { tree, unit, files, typedefs, tags, open, known: HashMap::new() }
    }

    /// Whether what stands in a part of a file depends on the build.
    pub(crate) fn is_open(&self, file: usize, range: Range<usize>) -> bool {
        let starts = &self.open[file];
        let first = starts.partition_point(|start| *start < range.start);
        starts.get(first).is_some_and(|start| *start < range.end)
    }

    /// The layout of a type that one of the files names; none where something in it is not known.
    pub(crate) fn of(&mut self, file: usize, of: &Type, depth: usize) -> Option<Arc<Layout>> {
        if depth > DEEPEST {
            return None;
        }
        match of {
            Type::Number(size) => Some(number(u64::from(*size))),
            Type::Pointer => Some(pointer()),
            Type::Record(record) => self.record(file, *record, depth),
            Type::Array(of, count) => {
                let of = self.of(file, of, depth + 1)?;
                let numbers = Numbers::new(self.tree, self.unit);
                array(of, numbers.value(self.files[file].0, count.clone())?)
            }
            Type::Named(name) => match self.typedefs.get(&**name).map(|all| &all[..]) {
                Some([(file, of)]) => {
                    let (file, of) = (*file, *of);
                    self.of(file, of, depth + 1)
                }
                Some(_) => None,
                // C++ names structures without the word.
                None => self.tagged(name, depth).or_else(|| kit_types::of(name).map(of_kit)),
            },
            Type::Tag(name) => match self.tags.contains_key(&**name) {
                true => self.tagged(name, depth),
                false => kit_types::of(name).map(of_kit),
            },
            Type::Unknown => None,
        }
    }

    fn tagged(&mut self, name: &str, depth: usize) -> Option<Arc<Layout>> {
        match self.tags.get(name).map(|all| &all[..]) {
            Some(&[(file, record)]) => self.record(file, record, depth),
            _ => None,
        }
    }

    fn record(&mut self, file: usize, index: usize, depth: usize) -> Option<Arc<Layout>> {
        if let Some(known) = self.known.get(&(file, index)) {
            return known.clone();
        }
        // One that contains itself has no layout.
        self.known.insert((file, index), None);
        let files = self.files;
        let record = files[file].1.records.get(index)?;
        let layout = self.worked_out(file, record, depth).map(Arc::new);
        self.known.insert((file, index), layout.clone());
        layout
    }

    fn worked_out(&mut self, file: usize, record: &'a Record, depth: usize) -> Option<Layout> {
        if record.is_odd || self.is_open(file, record.at..record.end) {
            return None;
        }
        let id = self.files[file].0;
        let packed = match self.packing(id, record.at) {
            Packing::Default => u64::MAX,
            Packing::Bytes(bytes) => u64::from(bytes),
            Packing::Open => return None,
        };
        let mut placed = Vec::with_capacity(record.members.len());
        let (mut end, mut size, mut align, mut required) = (0_u64, 0, 1, record.align.unwrap_or(1));
        for member in &record.members {
            let layout = self.of(file, &member.of, depth + 1)?;
            let asked = member.align.unwrap_or(1).max(layout.required);
            let own = layout.align.min(packed).max(asked);
            let offset = if record.is_union { 0 } else { end.next_multiple_of(own) };
            end = offset + layout.size;
            size = size.max(end);
            align = align.max(own);
            required = required.max(asked);
            if size > LARGEST {
                return None;
            }
            let name = member.name.clone().map(|name| Span::new(id, name));
            placed.push(Placed { name, offset, layout });
        }
        let align = align.max(required);
        let residues = residues(&placed);
        let body = if record.is_union { Body::Union(placed) } else { Body::Structure(placed) };
        Some(Layout { size: size.next_multiple_of(align), align, required, residues, body })
    }

    fn packing(&self, file: FileId, at: usize) -> Packing {
        let visit = self.unit.visits.get(&file);
        self.unit.packings.at(visit.map_or(self.unit.end, |visit| visit.time(at)))
    }
}

fn open_arms(unit: &Unit<'_>, file: FileId) -> Vec<usize> {
    let arms = unit.visits.get(&file).map_or(&[][..], |visit| &visit.arms);
    let open = arms.iter().filter(|arm| matches!(arm.state, ArmState::Open { .. }));
    let mut starts: Vec<usize> = open.map(|arm| arm.range.start).collect();
    starts.sort_unstable();
    starts
}

fn residues(placed: &[Placed]) -> u8 {
    let place = |one: &Placed| one.layout.residues.rotate_left((one.offset % 8) as u32);
    placed.iter().map(place).fold(0, |all, one| all | one)
}

fn number(size: u64) -> Arc<Layout> {
    Arc::new(Layout { size, align: size, required: 1, residues: 0, body: Body::Plain })
}

fn pointer() -> Arc<Layout> {
    Arc::new(Layout { size: 8, align: 8, required: 1, residues: 1, body: Body::Pointer })
}

/// So many of a type.
pub(crate) fn array(of: Arc<Layout>, count: u64) -> Option<Arc<Layout>> {
    let size = of.size.checked_mul(count).filter(|size| *size <= LARGEST)?;
    let (align, required) = (of.align, of.required);
    // After eight of them their places come again.
    let place = |index: u64| of.residues.rotate_left((index * of.size % 8) as u32);
    let residues = (0..count.min(8)).map(place).fold(0, |all, one| all | one);
    Some(Arc::new(Layout { size, align, required, residues, body: Body::Array(of, count) }))
}

fn of_kit(of: KitType) -> Arc<Layout> {
    match of {
        KitType::Number(size) => number(u64::from(size)),
        KitType::Pointer => pointer(),
        KitType::Bytes(size, align) => Arc::new(Layout {
            size: u64::from(size),
            align: u64::from(align),
            required: 1,
            residues: 0,
            body: Body::Plain,
        }),
        KitType::Structure(members) => {
            let mut placed = Vec::new();
            let (mut end, mut align) = (0_u64, 1);
            for member in members {
                let layout = of_kit(*member);
                let offset = end.next_multiple_of(layout.align);
                end = offset + layout.size;
                align = align.max(layout.align);
                placed.push(Placed { name: None, offset, layout });
            }
            let size = end.next_multiple_of(align);
            let residues = residues(&placed);
            Arc::new(Layout { size, align, required: 1, residues, body: Body::Structure(placed) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preprocess::{AllDirectives, Surroundings, unit};
    use crate::shape::shapes;
    use crate::{FileKind, SourceText};
    use std::process::Command;

    /// A structure's name, size and alignment, and its members with their offsets.
    type Told = (String, u64, u64, Vec<(String, u64)>);

    /// Each structure of the text that has a name and a layout: size, alignment, and where its members lie.
    fn told(text: &str) -> Vec<Told> {
        let mut tree = SourceTree::default();
        let file = tree.add("a.c", SourceText::of(text)).unwrap();
        let directives = AllDirectives::new(&tree);
        let unit = unit(&tree, &directives, file, &Surroundings::default());
        let blanked =
            crate::blank::blanked(text, directives.of(&tree, file), unit.visits.get(&file), 0);
        let files = [(file, Arc::new(shapes(text, blanked, FileKind::C)))];
        let mut layouts = Layouts::new(&tree, &unit, &files);
        let mut told = Vec::new();
        for (index, record) in files[0].1.records.iter().enumerate() {
            let Some(name) = &record.name else { continue };
            let Some(layout) = layouts.of(0, &Type::Record(index), 0) else { continue };
            let (Body::Structure(members) | Body::Union(members)) = &layout.body else { continue };
            let members = members
                .iter()
                .filter_map(|one| Some((tree.text(one.name?).to_owned(), one.offset)))
                .collect();
            told.push((name.clone(), layout.size, layout.align, members));
        }
        told
    }

    /// The kit's types that the structures below use, as its headers have them.
    const KIT: &str = "typedef unsigned char UCHAR; typedef unsigned short USHORT, WCHAR; typedef long LONG; typedef unsigned long ULONG;
typedef void *PVOID; typedef PVOID HANDLE; typedef unsigned __int64 ULONG64; typedef long NTSTATUS; typedef WCHAR *PWSTR;
typedef struct _GUID { ULONG a; USHORT b, c; UCHAR d[8]; } GUID;
typedef struct _UNICODE_STRING { USHORT a, b; PWSTR c; } UNICODE_STRING;
typedef struct _LIST_ENTRY { struct _LIST_ENTRY *a, *b; } LIST_ENTRY;
typedef union _LARGE_INTEGER { struct { ULONG a; LONG b; } u; __int64 c; } LARGE_INTEGER;
";

    const STRUCTURES: &str = "struct plain { UCHAR a; PVOID b; UCHAR c; ULONG d; };
struct longs { char a; long b; long long c; unsigned short int d; double e; wchar_t f; };
struct kit { UCHAR a; GUID b; UNICODE_STRING c; UCHAR d; LARGE_INTEGER e; LIST_ENTRY f; HANDLE g; };
union either { UCHAR a[13]; ULONG b; };
struct outer { UCHAR a; union either b; struct plain c[2]; struct { UCHAR d; PVOID e; } f; };
#pragma pack(push, 1)
struct one { UCHAR a; PVOID b; GUID c; UNICODE_STRING d; struct plain e; };
struct counts { UCHAR a[2 * N + 1]; PVOID b, *c[3]; char (*d)[7]; NTSTATUS (*e)(int a); };
struct __declspec(align(16)) wide { UCHAR a; PVOID b; };
struct holds { UCHAR a; struct wide b; UCHAR c; __declspec(align(4)) UCHAR d; };
#pragma pack(2)
struct two { UCHAR a; PVOID b; enum { X, Y } c; };
union packed { UCHAR a; ULONG64 b; struct two c; };
#pragma pack(pop)
#pragma pack(push, 4)
typedef struct _four { UCHAR a; PVOID b; double c; struct plain d; } four;
#pragma pack(pop)
struct last { four a; UCHAR b; PVOID c; };
";

    /// Clang lays structures out as Microsoft's compiler does, if asked to; it is asked here.
    #[test]
    fn clang_agrees() {
        let text = format!("#define N 3\n{STRUCTURES}");
        let all = told(&text);
        let names: Vec<&str> = all.iter().map(|(name, ..)| &**name).collect();
        assert_eq!(
            names,
            [
                "plain", "longs", "kit", "either", "outer", "one", "counts", "wide", "holds",
                "two", "packed", "_four", "last"
            ]
        );
        let mut code = format!("typedef unsigned short wchar_t;\n{KIT}{text}");
        for (name, size, align, members) in &all {
            let word = if matches!(&**name, "either" | "packed") { "union" } else { "struct" };
            code +=
                &format!("_Static_assert(sizeof({word} {name}) == {size}, \"size of {name}\");\n");
            code += &format!(
                "_Static_assert(_Alignof({word} {name}) == {align}, \"alignment of {name}\");\n"
            );
            for (member, offset) in members {
                code += &format!(
                    "_Static_assert(__builtin_offsetof({word} {name}, {member}) == {offset}, \"{name}.{member}\");\n"
                );
            }
        }
        assert!(code.matches("_Static_assert").count() > 60);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("layouts.c");
        std::fs::write(&path, code).unwrap();
        let clang = Command::new("clang-19")
            .args(["--target=x86_64-pc-windows-msvc", "-fsyntax-only", "-w"])
            .arg(&path)
            .output();
        let Ok(output) = clang else {
            eprintln!("left out: there is no clang-19 to compare with");
            return;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// By hand, so that something is tested where there is no Clang.
    #[test]
    fn packing_lessens_what_types_ask_for() {
        let text = "#pragma pack(push, 1)\nstruct a { UCHAR x; PVOID y; };\n#pragma pack(pop)\nstruct b { struct a z[2]; PVOID y; };";
        let members = |all: &[(&str, u64)]| -> Vec<(String, u64)> {
            all.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect()
        };
        assert_eq!(
            told(text),
            [
                ("a".to_owned(), 9, 1, members(&[("x", 0), ("y", 1)])),
                ("b".to_owned(), 32, 8, members(&[("z", 0), ("y", 24)]))
            ]
        );
    }

    /// `ntdef.h` defines `CONST` as const, and drivers have `VOLATILE` like it.
    #[test]
    fn what_the_kit_calls_const_is_const() {
        for (member, size) in [
            ("CONST CHAR *y", 10),
            ("CHAR CONST *y", 10),
            ("VOLATILE ULONG * CONST y", 10),
            ("CONST ULONG y", 6),
            ("CONST VOLATILE USHORT y", 4),
            ("PDRIVER_DISPATCH y", 10),
        ] {
            let found = told(&format!("#pragma pack(1)\nstruct a {{ USHORT x; {member}; }};"));
            let members = vec![("x".to_owned(), 0), ("y".to_owned(), 2)];
            assert_eq!(found, [("a".to_owned(), size, 1, members)], "{member}");
        }
    }

    #[test]
    fn what_is_not_known_has_no_layout() {
        for text in [
            "struct a { int x : 3; };",
            "struct a { UNKNOWN x; };",
            "struct a { int x[COUNT]; };",
            "struct a { int x; } __attribute__((packed));",
            "struct a { __declspec(align(WIDE)) int x; };",
            "struct a { struct a x; };",
            "struct a { };",
            "struct a { int x;\n#if DBG\nint y;\n#endif\n};",
            "#pragma pack(WIDTH)\nstruct a { int x; };",
            "struct a { int x[0x7FFFFFFF][16]; };",
        ] {
            assert_eq!(told(text), [], "{text}");
        }
    }
}

use super::*;
use crate::preprocess::{AllDirectives, Surroundings, unit};
use crate::shape::shapes;
use crate::{FileKind, SourceText};
use std::process::Command;

/// A structure's name, size and alignment, and its members with their offsets.
type Told = (String, u64, u64, Vec<(String, u64)>);

/// Each structure of the text that has a name and a layout: size, alignment, and where its members lie.
fn told(text: &str) -> Vec<Told> {
    let mut told = Vec::new();
    laid_out(text, false, &mut |tree, name, layout| {
        let (Body::Structure(members) | Body::Union(members)) = &layout.body else { return };
        let members = members
            .iter()
            .filter_map(|one| Some((tree.text(one.name?).to_owned(), one.offset)))
            .collect();
        told.push((name.to_owned(), layout.size, layout.align, members));
    });
    told
}

/// Tells the layout of each structure of the text that has a name and a layout.
fn laid_out(text: &str, with_bits: bool, tell: &mut dyn FnMut(&SourceTree, &str, &Layout)) {
    let mut tree = SourceTree::default();
    let file = tree.add("a.c", SourceText::of(text)).unwrap();
    let directives = AllDirectives::new(&tree);
    let unit = unit(&tree, &directives, file, &Surroundings::default());
    let blanked =
        crate::blank::blanked(text, directives.of(&tree, file), unit.visits.get(&file), 0);
    let files = [(file, Arc::new(shapes(text, blanked, FileKind::C)))];
    let mut layouts = Layouts::new(&tree, &unit, &files);
    layouts.with_bits = with_bits;
    for (index, record) in files[0].1.records.iter().enumerate() {
        let Some(name) = &record.name else { continue };
        let Some(layout) = layouts.of(0, &Type::Record(index), 0) else { continue };
        tell(&tree, name, &layout);
    }
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
            "plain", "longs", "kit", "either", "outer", "one", "counts", "wide", "holds", "two",
            "packed", "_four", "last"
        ]
    );
    let mut code = format!("typedef unsigned short wchar_t;\n{KIT}{text}");
    for (name, size, align, members) in &all {
        let word = if matches!(&**name, "either" | "packed") { "union" } else { "struct" };
        code += &format!("_Static_assert(sizeof({word} {name}) == {size}, \"size of {name}\");\n");
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

const BIT_FIELDS: &str =
    "struct one { UINT64 a : 1; UINT64 b : 15, c : 1; UINT64 d : 47; UINT64 e : 3; };
struct sizes { ULONG a : 3; USHORT b : 2; USHORT c : 15; UCHAR d : 1; ULONG e : 32; };
struct among { UCHAR a; ULONG b : 4; UCHAR c; ULONG d : 4, e : N; };
#pragma pack(push, 1)
struct packed { UCHAR a; USHORT b : 4; UCHAR x; ULONG c : 20; ULONG d : 13; };
#pragma pack(pop)
union both { UINT64 a : 4; UINT64 b : 9; UINT64 c; };
";

/// Which bits a member has that all are set of, in the first sixteen bytes: by the layout.
fn ones(one: &Placed) -> u128 {
    let (lowest, count) = one.bits.unwrap_or((0, (one.layout.size * 8) as u8));
    (((1_u128 << count) - 1) << lowest) << (one.offset * 8)
}

/// What Clang makes of a structure whose member has all bits set says where these are.
#[test]
fn clang_agrees_about_bit_fields() {
    let text = format!("#define N 6\n{BIT_FIELDS}");
    let mut code = format!("{KIT}typedef unsigned __int64 UINT64;\n{text}");
    let mut expected = Vec::new();
    laid_out(&text, true, &mut |tree, name, layout| {
        let (Body::Structure(members) | Body::Union(members)) = &layout.body else { return };
        let word = if matches!(layout.body, Body::Union(_)) { "union" } else { "struct" };
        for one in members {
            let member = tree.text(one.name.unwrap());
            for (half, shift) in [(0, 0), (1, 64)] {
                code += &format!(
                    "UINT64 {name}_{member}_{half}(void) {{ union {{ {word} {name} s; UINT64 n[2]; }} u = {{ .n = {{ 0 }} }}; u.s.{member} = ~0; return u.n[{half}]; }}\n"
                );
                let bits = (ones(one) >> shift) as u64;
                expected.push((format!("@{name}_{member}_{half}("), bits.cast_signed()));
            }
        }
    });
    assert_eq!(expected.len(), 2 * 23);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bits.c");
    std::fs::write(&path, code).unwrap();
    let clang = Command::new("clang-19")
        .args(["--target=x86_64-pc-windows-msvc", "-O2", "-S", "-emit-llvm", "-w", "-o", "-"])
        .arg(&path)
        .output();
    let Ok(output) = clang else {
        eprintln!("left out: there is no clang-19 to compare with");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = String::from_utf8(output.stdout).unwrap();
    for (function, bits) in expected {
        let (_, body) = made.split_once(&function).unwrap();
        let (_, returned) = body.split_once("ret i64 ").unwrap();
        let returned = returned.split_whitespace().next().unwrap();
        assert_eq!(returned, bits.to_string(), "{function}");
    }
}

/// Whoever lists the values of members in order would take bit-fields for members of their own.
#[test]
fn structures_with_bit_fields_are_for_those_who_know_them() {
    let mut names = Vec::new();
    laid_out(BIT_FIELDS, false, &mut |_, name, _| names.push(name.to_owned()));
    assert_eq!(names, [""; 0]);
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
        "struct a { int x; } __attribute__((ms_struct));",
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

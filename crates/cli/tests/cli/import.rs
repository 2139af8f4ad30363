//! `ringfence import`: what Windows said, joined with what the driver's file shows.

use crate::run::{Ran, folder, run, workspace};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

/// Where Windows loaded the driver.
const BASE: u64 = 0xFFFF_F801_2000_0000;
/// In the driver of [`driver`], behind its call of ExAllocatePoolWithTag.
const BEHIND_THE_CALL: u64 = 0x50B5;

/// A driver whose one call asks for executable pool.
fn driver() -> String {
    workspace("examples/drivers/executable-pool-x64.sys").to_string_lossy().into_owned()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// A small dump that lists one driver under the name `name`, loaded from the file `path`.
fn dump(code: u32, parameters: [u64; 4], name: &str, path: &str) -> Vec<u8> {
    let image = fs::read(path).unwrap();
    let headers = u32_at(&image, 0x3C) as usize;
    // TimeDateStamp of the file header, SizeOfImage of the optional one.
    let (timestamp, size) = (u32_at(&image, headers + 8), u32_at(&image, headers + 24 + 56));
    let mut bytes = vec![0; 0x2100 + 4 + 2 * name.len()];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"PAGEDU64");
    put(0x0C, &22_631_u32.to_le_bytes());
    put(0x30, &0x8664_u32.to_le_bytes());
    put(0x38, &code.to_le_bytes());
    for (index, parameter) in parameters.iter().enumerate() {
        put(0x40 + 8 * index, &parameter.to_le_bytes());
    }
    put(0xF98, &4_u32.to_le_bytes());
    put(0x2030, &0x2070_u32.to_le_bytes());
    put(0x2034, &1_u32.to_le_bytes());
    put(0x2070, &0x2100_u32.to_le_bytes());
    put(0x2078 + 0x30, &BASE.to_le_bytes());
    put(0x2078 + 0x40, &size.to_le_bytes());
    put(0x2078 + 0x80, &timestamp.to_le_bytes());
    put(0x2100, &(name.len() as u32).to_le_bytes());
    for (index, unit) in name.encode_utf16().enumerate() {
        put(0x2104 + 2 * index, &unit.to_le_bytes());
    }
    bytes
}

const NAME: &str = "\\??\\C:\\x\\Executable-Pool-x64.SYS";
const POOL: [u64; 4] = [0x2000, BASE + BEHIND_THE_CALL, 0, 0x706D_6153];

fn import(file: &Path, options: &[&str]) -> Ran {
    let file = file.to_string_lossy().into_owned();
    run(["import", &file].iter().copied().chain(options.iter().copied()))
}

/// Of two drivers that raised a counter one has its file.
#[test]
fn drivers_without_a_file_are_told() {
    let module = |name: &str| {
        format!(
            "MODULE: {name} (load: 1 / unload: 0)\n\n  Code Integrity Statistics:\n\n    Execute Pool Type Count: 1\n\n"
        )
    };
    let text = ["executable-pool-x64.sys", "other.sys"].map(module).concat();
    let folder = folder([("query.txt", text.into_bytes())]);
    let file = folder.path().join("query.txt");
    let ran = import(&file, &["--driver", &driver()]);
    assert!(
        ran.words().contains("not known: where in other.sys it is: no file called so was given"),
        "{ran:?}"
    );
    let without = import(&file, &[]);
    assert!(!without.words().contains("called so was given"), "{without:?}");
}

#[test]
fn a_dump_gives_the_finding_that_reading_the_code_gives() {
    let folder = folder([("crash.dmp", dump(0xC4, POOL, NAME, &driver()))]);
    let file = folder.path().join("crash.dmp");
    let ran = import(&file, &["--driver", &driver()]);
    assert_eq!((ran.code, &*ran.stderr), (Some(1), ""), "{ran:?}");
    assert!(ran.line("crash.dmp: ").ends_with("memory dump of Windows, build 22631, x64"));
    let check = "bug check 0xC4 (0x2000, 0xfffff801200050b5, 0x0, 0x706d6153), DRIVER_VERIFIER_DETECTED_VIOLATION";
    assert!(ran.words().contains(check), "{ran:?}");
    assert!(ran.stdout.contains("parameter    3 = 0x0, the pool type: NonPagedPool (0)"));
    assert!(ran.stdout.contains("parameter    4 = 0x706d6153, the tag: 'Samp'"));
    assert!(ran.stdout.contains("place        Executable-Pool-x64.SYS+50b5"));
    assert!(ran.stdout.contains("error[executable-pool-type]: memory is requested"));
    assert!(ran.stdout.contains(" 50af |  call  ExAllocatePoolWithTag"), "{ran:?}");
    assert!(ran.stdout.contains("= note: Windows stopped here: bug check 0xC4"));

    let json = import(&file, &["--driver", &driver(), "--format", "json"]).json();
    let one = &json["imports"][0];
    assert_eq!(one["dump"]["bugcheck"]["code"], "0xC4");
    assert_eq!(one["dump"]["place"]["rva"], BEHIND_THE_CALL);
    let findings = one["drivers"][0]["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1);
    assert_eq!(
        (&findings[0]["rule"], &findings[0]["rva"]),
        (&"executable-pool-type".into(), &0x50AF.into())
    );
}

/// The PDB beside the driver tells function and line.
#[test]
fn source_lines_come_from_the_debug_file() {
    let path = workspace("examples/drivers/library-pool-x64.sys").to_string_lossy().into_owned();
    let calls = run(["calls", &path, "--format", "json"]).json();
    let call = &calls["drivers"][0]["calls"][0];
    // The call has six bytes, as it goes through the import table.
    let back = call["rva"].as_u64().unwrap() + 6;
    let parameters = [0x2000, BASE + back, 0, 0];
    let folder = folder([("a.dmp", dump(0xC4, parameters, "library-pool-x64.sys", &path))]);
    let ran = import(&folder.path().join("a.dmp"), &["--driver", &path, "--format", "json"]);
    let json = ran.json();
    let finding = &json["imports"][0]["drivers"][0]["findings"][0];
    assert!(finding["source"]["function"].is_string(), "{json:#}");
    assert!(finding["source"]["line"].is_u64(), "{json:#}");
}

#[test]
fn what_a_dump_does_not_tell_is_said() {
    let folder = folder([
        ("crash.dmp", dump(0xC4, POOL, NAME, &driver())),
        ("full.dmp", {
            let mut full = dump(0xC4, POOL, NAME, &driver());
            full[0xF98] = 1;
            full
        }),
        ("other.dmp", dump(0xD1, [0x10, 2, 0, BASE], NAME, &driver())),
        ("wrote.dmp", dump(0xBE, [BASE + 0x1000, 0x121, 0, 0xA], NAME, &driver())),
    ]);
    let of = |name: &str, options: &[&str]| import(&folder.path().join(name), options);
    let without = of("crash.dmp", &[]);
    assert_eq!(without.code, Some(1));
    assert!(without.words().contains("--driver Executable-Pool-x64.SYS tells them"));
    let other = workspace("examples/drivers/clean-x64.sys").to_string_lossy().into_owned();
    assert!(of("crash.dmp", &["--driver", &other]).words().contains("no --driver is called"));

    let full = of("full.dmp", &["--driver", &driver()]);
    let why = "only small memory dumps list the drivers";
    assert!(full.words().contains(why), "{full:?}");
    let whether = "executable-pool-x64.sys, which has what can lead to it";
    assert!(full.line("whether it was").ends_with(whether), "{full:?}");
    assert!(!full.stdout.contains("Windows stopped here"));
    let based = of("full.dmp", &["--driver", &driver(), "--base", "fffff801`20000000"]);
    assert!(based.stdout.contains("= note: Windows stopped here"), "{based:?}");
    let odd = of("full.dmp", &["--driver", &driver(), "--base", "fffff801`20000800"]);
    assert!(odd.words().contains("drivers begin on pages"), "{odd:?}");
    let wrong = of("full.dmp", &["--driver", &driver(), "--base", "0x1000"]);
    assert!(wrong.words().contains("it is not in the one given"), "{wrong:?}");

    let unrelated = of("other.dmp", &["--driver", &driver()]);
    assert_eq!(unrelated.code, Some(0));
    assert!(unrelated.words().contains("it has nothing to do with memory integrity"));
    let wrote = of("wrote.dmp", &["--driver", &driver()]);
    assert_eq!(wrote.code, Some(1));
    assert!(wrote.stdout.contains("place        Executable-Pool-x64.SYS+1000"));
    assert!(wrote.words().contains("which instruction wrote"), "{wrote:?}");
    assert!(wrote.stdout.contains("error[writes-to-code]"), "{wrote:?}");
}

/// What the hypervisor or HyperGuard stops is of memory integrity, also where no driver can be named for it.
#[test]
fn what_only_memory_integrity_stops_is_no_all_clear() {
    // `.text`, and INIT, which is thrown away after DriverEntry.
    let (code, gone) = (BASE + 0x1000, BASE + 0x5000);
    let folder = folder([
        ("secure.dmp", dump(0x18D, [4, code, 0, 0], NAME, &driver())),
        ("guard.dmp", dump(0x18C, [0; 4], NAME, &driver())),
        ("gone.dmp", dump(0x50, [gone, 0x10, gone, 0], NAME, &driver())),
        ("paged.dmp", dump(0xD1, [gone, 2, 8, gone], NAME, &driver())),
        ("wrote.dmp", dump(0x50, [code, 2, code + 0x10, 0], NAME, &driver())),
    ]);
    for (name, words) in [
        ("secure.dmp", "SECURE_FAULT_UNHANDLED"),
        ("guard.dmp", "HYPERGUARD_VIOLATION"),
        ("gone.dmp", "PAGE_FAULT_IN_NONPAGED_AREA"),
        ("paged.dmp", "which is no matter of memory integrity"),
        ("wrote.dmp", "parameter 2 = 0x2, a write"),
    ] {
        for options in [&[][..], &["--driver", &driver()]] {
            let ran = import(&folder.path().join(name), options);
            assert_eq!(ran.code, Some(1), "{ran:?}");
            assert!(ran.words().contains(words), "{ran:?}");
            assert!(!ran.words().contains("nothing to do with memory integrity"), "{ran:?}");
        }
    }
    let secure = import(&folder.path().join("secure.dmp"), &[]);
    assert!(secure.stdout.contains("place        Executable-Pool-x64.SYS+1000"), "{secure:?}");
    assert!(secure.words().contains("did not allow: a write"), "{secure:?}");
}

/// What the dump tells of the place decides which finding Windows saw: that of the instruction, or those of the kind.
#[test]
fn the_finding_that_windows_saw_is_marked() {
    let path = workspace("examples/drivers/patches-itself-x64.sys").to_string_lossy().into_owned();
    let scanned = run(["scan", &path, "--format", "json"]).json();
    let finding = &scanned["drivers"][0]["findings"][0];
    assert_eq!(finding["rule"], "writes-to-code");
    let at = BASE + finding["rva"].as_u64().unwrap();
    let code = BASE + 0x1001;
    let name = "patches-itself-x64.sys";
    let folder = folder([
        ("fault.dmp", dump(0x50, [code, 2, at, 0], name, &path)),
        ("secure.dmp", dump(0x18D, [4, code, 0, 0], name, &path)),
        ("gone.dmp", dump(0xD1, [BASE + 0x5000, 2, 8, BASE + 0x5000], NAME, &driver())),
    ]);
    let of = |name: &str, driver: &str| import(&folder.path().join(name), &["--driver", driver]);
    let fault = of("fault.dmp", &path);
    assert_eq!(fault.stdout.matches("error[").count(), 1, "{fault:?}");
    assert!(fault.stdout.contains("error[writes-to-code]"), "{fault:?}");
    assert!(fault.words().contains("note: Windows stopped here: bug check 0x50"), "{fault:?}");
    let secure = of("secure.dmp", &path);
    assert!(secure.stdout.contains("error[writes-to-code]"), "{secure:?}");
    let of_kind = "note: Windows stopped for it, or for another of its kind: bug check 0x18D";
    assert!(secure.words().contains(of_kind), "{secure:?}");
    let gone = of("gone.dmp", &driver());
    assert!(gone.stdout.contains("error[executes-discarded-code]"), "{gone:?}");
    assert!(gone.words().contains("note: Windows stopped here: bug check 0xD1"), "{gone:?}");
}

/// Constants are read-only on every Windows, and code that stays is not gone: `verify` calls both crashes, and exits with 0.
#[test]
fn what_any_windows_stops_is_no_objection() {
    // `.text` at 1000, `.rdata` at 2000.
    let (code, constant) = (BASE + 0x1000, BASE + 0x2F00);
    let folder = folder([
        ("constant.dmp", dump(0xBE, [constant, 0x121, 0, 0xA], NAME, &driver())),
        ("paged.dmp", dump(0xD1, [code, 2, 8, code], NAME, &driver())),
        ("astray.dmp", dump(0x50, [0xFFFF_9000_0000_0000, 2, code, 0], NAME, &driver())),
    ]);
    for (name, words) in [
        ("constant.dmp", "+2f00 lies in `.rdata` (r--), which is no code"),
        ("paged.dmp", "+1000 lies in `.text`, which is not thrown away"),
        ("astray.dmp", "written to that is not there, and it is none of a driver"),
    ] {
        let ran = import(&folder.path().join(name), &["--driver", &driver()]);
        assert!(ran.words().contains("nothing to do with memory integrity: "), "{ran:?}");
        assert!(ran.words().contains(words), "{ran:?}");
        assert!(!ran.stdout.contains("error["), "{ran:?}");
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    // Without the driver's file nobody knows what lies there.
    assert_eq!(import(&folder.path().join("constant.dmp"), &[]).code, Some(1));
}

/// Whichever of the three Windows shows for a write to the import address table, it is the same finding as of `verify`.
#[test]
fn a_write_to_the_import_table_is_one_finding_by_any_bug_check() {
    let name = "writes-import-table-x64.sys";
    let path = workspace("examples/drivers").join(name).to_string_lossy().into_owned();
    let image = fs::read(&path).unwrap();
    // IMAGE_DIRECTORY_ENTRY_IAT, 12, of the directories in the optional header of PE32+.
    let table = u32_at(&image, u32_at(&image, 0x3C) as usize + 24 + 112 + 12 * 8);
    let entry = BASE + u64::from(table);
    let folder = folder([
        ("readonly.dmp", dump(0xBE, [entry, 0x8000_0000_1000_0021, 0, 0xA], name, &path)),
        ("secure.dmp", dump(0x18D, [4, entry, 0, 0], name, &path)),
    ]);
    for dump in ["readonly.dmp", "secure.dmp"] {
        let ran = import(&folder.path().join(dump), &["--driver", &path]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert_eq!(ran.stdout.matches("error[").count(), 1, "{ran:?}");
        assert!(ran.stdout.contains("error[writes-to-import-table]"), "{ran:?}");
        assert!(!ran.words().contains("nothing to do with memory integrity"), "{ran:?}");
    }
}

/// Another build has its calls elsewhere.
#[test]
fn another_build_is_not_joined() {
    let mut other = dump(0xC4, POOL, NAME, &driver());
    other[0x2078 + 0x80] ^= 1;
    let folder = folder([("crash.dmp", other)]);
    let ran = import(&folder.path().join("crash.dmp"), &["--driver", &driver()]);
    assert!(ran.words().contains("is another build of Executable-Pool-x64.SYS"), "{ran:?}");
    assert!(!ran.stdout.contains("error["));
}

const QUERY: &str = "\
Time Stamp: 11/29/2026 06:10:21.123\r\n\r\nVerifier Flags: 0x02000000\r\n\r\n\
MODULE: executable-pool-x64.sys (load: 1 / unload: 0)\r\n\r\n\
    Code Integrity Statistics:\r\n\r\n\
        Execute Pool Type Count:                3\r\n\
        Execute Page Protection Count:          0\r\n\
        Execute Page Mapping Count:             0\r\n\
        Execute-Write Section Count:            0\r\n\
        Section Alignment Failures:             9\r\n\
        Unsupported Relocs Count:               0\r\n\
        IAT in Executable Section Count:        0\r\n\r\n\
MODULE: silent.sys (load: 0 / unload: 0)\r\n";

#[test]
fn the_text_of_query_gives_the_rules_of_its_counters() {
    let utf16: Vec<u8> = QUERY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let folder = folder([
        ("plain.txt", QUERY.as_bytes().to_vec()),
        ("utf16.txt", [b"\xFF\xFE".to_vec(), utf16].concat()),
        ("ansi.txt", QUERY.replace("silent", "sil\u{e4}nt").chars().map(|c| c as u8).collect()),
    ]);
    for name in ["plain.txt", "utf16.txt", "ansi.txt"] {
        let ran = import(&folder.path().join(name), &["--driver", &driver()]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(
            ran.line(&format!("{name}: "))
                .ends_with("verifier /query, 2 drivers, flags 0x02000000")
        );
        assert!(ran.line("Pool Type Count").contains("3  (executable-pool-type, "), "{ran:?}");
        assert!(ran.line("Alignment").contains("9  (unaligned-section)"));
        let lacks = "not known, none of the seven counters was counted, or is in the text";
        assert!(ran.line("nt.sys").ends_with(lacks), "{ran:?}");
        // The example has the call, and its sections are aligned.
        assert!(ran.stdout.contains("error[executable-pool-type]"), "{ran:?}");
        assert!(ran.words().contains(
            "not known: reading executable-pool-x64.sys shows no place for its Section Alignment"
        ));
    }
}

/// What `ringfence verifier /query` prints is read back as it was, and not taken for what Windows said.
#[test]
fn the_own_text_of_the_emulated_tool_is_read() {
    let folder = folder([]);
    let state = folder.path().join("verifier.json");
    let verifier = |words: &[&str]| {
        let mut command = crate::run::ringfence();
        command.env("RINGFENCE_STATE", &state).arg("verifier").args(words);
        Ran::from(command.output().unwrap())
    };
    let example =
        |name: &str| workspace("examples/drivers").join(name).to_string_lossy().into_owned();
    let names = ["executable-mdl-mapping-x64.sys", "clean-x64.sys", "kmdf-x64.sys"].map(example);
    let [mdl, clean, kmdf] = &names;
    verifier(&["/flags", "0x02000000", "/driver", &driver(), mdl, clean, kmdf]);
    let file = folder.path().join("query.txt");
    for words in [&["/query"][..], &["/query", "/all"]] {
        fs::write(&file, verifier(words).stdout).unwrap();
        let json = import(&file, &["--format", "json"]).json();
        let one = &json["imports"][0];
        assert_eq!(one["is_emulated"], true);
        let raised = |index: usize| one["drivers"][index]["counters"].as_array().unwrap().clone();
        let open = |index: usize| one["drivers"][index]["not_counted"].as_array().unwrap().len();
        assert_eq!(raised(0)[0]["counter"], "Execute Pool Type Count");
        assert_eq!(raised(1)[0]["counter"], "Execute Page Mapping Count");
        assert_eq!([0, 1, 2, 3].map(|index| raised(index).len()), [1, 1, 0, 0]);
        assert_eq!([0, 1, 2, 3].map(open), [0, 0, 0, 3]);
    }
    let text = import(&file, &[]);
    assert_eq!(text.code, Some(1));
    assert!(text.stdout.contains("ringfence's own text of an emulated run"), "{text:?}");
    assert!(text.line("4 drivers: ").ends_with("2 with violations · 1 without · 1 not known"));
}

/// A 0 says nothing where nothing was counted.
#[test]
fn a_text_without_the_checks_is_no_all_clear() {
    let zero = QUERY.replace(" 3\r", " 0\r").replace(" 9\r", " 0\r").replace("0x02", "0x00");
    let folder = folder([("off.txt", zero.replace("0x00000000", "0x000209BB").into_bytes())]);
    let file = folder.path().join("off.txt");
    let ran = import(&file, &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let told = ran.words();
    assert!(
        told.contains("was not among the flags 0x000209BB, so a 0 says nothing; run verifier.exe")
    );
    assert!(
        told.contains("/flags 0x02000000 /driver executable-pool-x64.sys silent.sys"),
        "{told}"
    );
    assert!(!told.contains("all seven counters are 0"), "{told}");
    let json = import(&file, &["--format", "json"]).json();
    let driver = &json["imports"][0]["drivers"][0];
    assert_eq!(
        (driver["not_counted"].as_array().unwrap().len(), &driver["is_whole"]),
        (7, &false.into())
    );
}

#[test]
fn what_a_text_lacks_is_named_and_what_it_is_too() {
    let cut = QUERY.split("Section Alignment").next().unwrap().replace("      3", "      0");
    let log = "InCompatible HVCI Kernel Driver Modules found\r\n\r\nModule: executable-pool-x64.sys\r\n\
               \tReason: execute pool type count:                3\r\n";
    let old = "Level: 000009BB\r\nRaiseIrqls: 0\r\n\r\nVerified drivers:\r\n\r\n\
               Name: sample.sys, loads: 1, unloads: 0\r\nCurrentPagedPoolAllocations: 0\r\n";
    let german = "Modul: a.sys (Laden: 1)\r\n  [X] 0x02000000 Codeintegrit\u{e4}t\r\n";
    let folder = folder([
        ("cut.txt", cut.into_bytes()),
        ("log.txt", log.as_bytes().to_vec()),
        ("old.txt", old.as_bytes().to_vec()),
        ("german.txt", german.as_bytes().to_vec()),
    ]);
    let of = |name: &str| import(&folder.path().join(name), &[]);
    let lacks = "the text lacks Section Alignment Failures, Unsupported Relocs Count, IAT in Executable Section Count";
    let cut = of("cut.txt");
    assert_eq!(cut.code, Some(0), "{cut:?}");
    assert!(cut.words().contains(lacks), "{cut:?}");
    let log = of("log.txt");
    assert_eq!(log.code, Some(1), "{log:?}");
    assert!(log.words().contains(": log of the readiness script, 1 driver"), "{log:?}");
    assert!(log.words().contains("the script names the first counter that is not 0"), "{log:?}");
    let old = of("old.txt");
    assert_eq!(old.code, Some(0), "{old:?}");
    assert!(old.words().contains("older Windows, 1 driver, flags 0x000009BB"), "{old:?}");
    assert!(old.words().contains("verifier.exe /flags 0x02000000 /driver sample.sys"), "{old:?}");
    let german = of("german.txt");
    assert_eq!(german.code, Some(2), "{german:?}");
    assert!(german.stderr.contains("only English is understood"), "{german:?}");
}

/// Of a folder only the file that the text is about is examined.
#[test]
fn drivers_are_found_in_folders_by_name() {
    let folder = folder([
        ("query.txt", QUERY.as_bytes().to_vec()),
        ("out/Executable-Pool-X64.SYS", fs::read(driver()).unwrap()),
        ("out/broken.sys", b"MZ".to_vec()),
        ("none/readme.txt", Vec::new()),
    ]);
    let (file, out) = (folder.path().join("query.txt"), folder.path().join("out"));
    let ran = import(&file, &["--driver", out.to_str().unwrap()]);
    assert_eq!((ran.code, &*ran.stderr), (Some(1), ""), "{ran:?}");
    assert!(ran.stdout.contains("error[executable-pool-type]"), "{ran:?}");
    let crash = folder.path().join("crash.dmp");
    fs::write(&crash, dump(0xC4, POOL, NAME, &driver())).unwrap();
    let ran = import(&crash, &["--driver", out.to_str().unwrap()]);
    assert!(ran.stdout.contains("= note: Windows stopped here: bug check 0xC4"), "{ran:?}");
    let none = folder.path().join("none");
    let ran = import(&crash, &["--driver", none.to_str().unwrap()]);
    assert!(ran.words().contains("no --driver is called Executable-Pool-x64.SYS"), "{ran:?}");
}

#[test]
fn standard_input_is_read_and_the_end_says_what_is_next() {
    let mut command = crate::run::ringfence();
    command.args(["import", "-"]).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(QUERY.as_bytes()).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.starts_with("-: verifier /query, 2 drivers, flags 0x02000000\n"));
    assert_eq!(ran.line("1 file, "), "1 file, 2 drivers: 1 with violations · 1 not known");
    let next = ran.line("  next: ");
    assert!(next.contains("--driver FILE or FOLDER shows the place in the code"), "{ran:?}");
    assert!(ran.stdout.contains("ringfence explain executable-pool-type"), "{ran:?}");
}

#[test]
fn json_follows_the_schema() {
    let folder = folder([
        ("query.txt", QUERY.as_bytes().to_vec()),
        ("crash.dmp", dump(0xC4, POOL, NAME, &driver())),
    ]);
    let text = fs::read_to_string(workspace("schemas/import-v1.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
    for name in ["query.txt", "crash.dmp", "gone.txt"] {
        let file = folder.path().join(name);
        let document = import(&file, &["--driver", &driver(), "--format", "json"]).json();
        let errors: Vec<_> =
            validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0], "{name}");
    }
}

#[test]
fn what_is_neither_is_told() {
    let folder = folder([
        ("nothing.txt", b"No drivers are currently verified.\r\n".to_vec()),
        ("other.txt", b"Es werden keine Treiber ueberprueft.".to_vec()),
        ("old.dmp", b"PAGEDUMP".to_vec()),
        ("user.dmp", b"MDMP".to_vec()),
        ("cut.dmp", b"PAGEDU64".to_vec()),
    ]);
    let of = |name: &str| import(&folder.path().join(name), &[]);
    let nothing = of("nothing.txt");
    assert_eq!(nothing.code, Some(0));
    assert!(nothing.stdout.contains("no drivers were verified"));
    for (name, why) in [
        ("other.txt", "nor the English text of `verifier /query`"),
        ("old.dmp", "of 32-bit Windows"),
        ("user.dmp", "of a process"),
        ("cut.dmp", "the dump is cut off"),
        ("gone.dmp", "no such file"),
    ] {
        let ran = of(name);
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{ran:?}");
        assert!(ran.stderr.contains(why), "{ran:?}");
    }
    let file = folder.path().join("nothing.txt");
    let ran = import(&file, &["--driver", "/no/such.sys"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("/no/such.sys"), "{ran:?}");
}

//! How each driver of `crates/code/tests/drivers` is made, as data.

/// A driver: its sources, and how they are compiled.
pub struct Driver {
    /// Its name without the level.
    pub name: &'static str,
    /// The sources that hold truth or that others need.
    pub sources: &'static [&'static str],
    /// The compiler's switches beside the common ones.
    pub compile: &'static [&'static str],
    /// `-O0` or `-O2`; none for assembly.
    pub level: Option<&'static str>,
    /// Whether `entry.c` is linked to it.
    pub entry: bool,
}

impl Driver {
    /// The name with the level.
    pub fn stem(&self) -> String {
        format!("{}{}", self.name, self.level.unwrap_or_default())
    }

    /// The compiled file.
    pub fn file(&self) -> String {
        format!("{}.sys", self.stem())
    }

    /// The linker's list of symbols.
    pub fn map(&self) -> String {
        format!("{}.map", self.stem())
    }
}

const fn c(
    name: &'static str,
    level: &'static str,
    sources: &'static [&'static str],
    compile: &'static [&'static str],
) -> Driver {
    Driver { name, sources, compile, level: Some(level), entry: true }
}

const fn assembly(name: &'static str, sources: &'static [&'static str]) -> Driver {
    Driver { name, sources, compile: &[], level: None, entry: true }
}

/// Calls through pointers go through Control Flow Guard's dispatch routine.
const GUARD: &[&str] = &["-Xclang", "-cfguard"];
/// Calls through pointers, also of imports, go through a retpoline.
const RETPOLINE: &[&str] = &["-mretpoline"];
/// There is no unwind data at all.
const NO_UNWIND: &[&str] = &["-fno-unwind-tables"];
const NOTHING: &[&str] = &[];

/// All drivers.
pub const DRIVERS: &[Driver] = &[
    c("pool", "-O0", &["pool.c"], NOTHING),
    c("pool", "-O2", &["pool.c"], NOTHING),
    c("values", "-O0", &["values.c"], NOTHING),
    c("values", "-O2", &["values.c"], NOTHING),
    c("pool2", "-O0", &["pool2.c"], NOTHING),
    c("pool2", "-O2", &["pool2.c"], NOTHING),
    c("memory", "-O0", &["memory.c"], NOTHING),
    c("memory", "-O2", &["memory.c"], NOTHING),
    c("reach", "-O0", &["reach.c"], NOTHING),
    c("reach", "-O2", &["reach.c"], NOTHING),
    c("reach-guard", "-O2", &["reach.c", "load_config.s"], GUARD),
    c("reach-retpoline", "-O2", &["reach.c"], RETPOLINE),
    c("flow", "-O0", &["flow.c"], NOTHING),
    c("flow", "-O2", &["flow.c"], NOTHING),
    c("flow-retpoline", "-O2", &["flow.c"], RETPOLINE),
    c("given", "-O0", &["given.c"], NOTHING),
    c("given", "-O2", &["given.c"], NOTHING),
    Driver { entry: false, ..c("nopdata", "-O0", &["nopdata.c"], NO_UNWIND) },
    Driver { entry: false, ..c("nopdata", "-O2", &["nopdata.c"], NO_UNWIND) },
    c("wdf", "-O0", &["wdf.c"], NOTHING),
    c("wdf", "-O2", &["wdf.c"], NOTHING),
    c("wdf-guard", "-O2", &["wdf.c", "load_config.s"], GUARD),
    c("operator_new", "-O2", &["operator_new.cpp"], NOTHING),
    c("changes", "-O0", &["changes.c"], NOTHING),
    c("changes", "-O2", &["changes.c"], NOTHING),
    c("changes-guard", "-O0", &["changes.c", "load_config.s"], GUARD),
    c("changes-guard", "-O2", &["changes.c", "load_config.s"], GUARD),
    c("changes-retpoline", "-O2", &["changes.c"], RETPOLINE),
    assembly("changes", &["changes.s"]),
    assembly("idioms", &["idioms.s"]),
    assembly("stack", &["stack.s"]),
    assembly("overwritten", &["overwritten.s"]),
    assembly("thunks", &["thunks.s"]),
    assembly("guard", &["guard.s", "load_config.s"]),
    assembly("tables", &["tables.s"]),
    assembly("unwind", &["unwind.s"]),
    assembly("escaped", &["escaped.s"]),
    assembly("ways", &["ways.s"]),
    assembly("fragments", &["fragments.s"]),
    assembly("wdf_fragments", &["wdf_fragments.s"]),
    c("wrappers", "-O0", &["wrappers.c"], NOTHING),
    c("wrappers", "-O2", &["wrappers.c"], NOTHING),
    c("wrappers-guard", "-O2", &["wrappers.c", "load_config.s"], GUARD),
    c("mapped", "-O0", &["mapped.c"], NOTHING),
    c("mapped", "-O2", &["mapped.c"], NOTHING),
    c("requests", "-O0", &["requests.c"], NOTHING),
    c("requests", "-O2", &["requests.c"], NOTHING),
    c("recursion", "-O0", &["recursion.c"], NOTHING),
    c("recursion", "-O2", &["recursion.c"], NOTHING),
    c("pointers", "-O0", &["pointers.c"], NOTHING),
    c("pointers", "-O2", &["pointers.c"], NOTHING),
    c("helpers", "-O0", &["helpers.c", "helped.c"], NOTHING),
    c("helpers", "-O2", &["helpers.c", "helped.c"], NOTHING),
    c("implied", "-O0", &["implied.c"], NOTHING),
    c("implied", "-O2", &["implied.c"], NOTHING),
    assembly("implications", &["implications.s"]),
    c("globals", "-O0", &["globals.c"], NOTHING),
    c("globals", "-O2", &["globals.c"], NOTHING),
    assembly("stores", &["stores.s"]),
    assembly("handed_on", &["handed_on.s"]),
    c("by_name", "-O0", &["by_name.c"], NOTHING),
    c("by_name", "-O2", &["by_name.c"], NOTHING),
    c("operator_new_called", "-O0", &["operator_new_called.cpp"], NOTHING),
    c("operator_new_called", "-O2", &["operator_new_called.cpp"], NOTHING),
];

/// The switches that C and assembly have in common.
pub const TARGET: &[&str] = &["--no-default-config", "--target=x86_64-pc-windows-msvc"];

/// The linker's switches. Nothing is left out for want of a reference: no function here has one.
pub const LINK: &[&str] = &[
    "/nologo",
    "/wx",
    "/driver",
    "/machine:x64",
    "/subsystem:native",
    "/entry:DriverEntry",
    "/nodefaultlib",
    "/dynamicbase",
    "/nxcompat",
    "/opt:noref,noicf",
    "/Brepro",
];

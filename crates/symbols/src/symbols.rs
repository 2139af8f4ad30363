//! A PDB that belongs to an image: places by address.

use crate::bytes::name;
use crate::dbi::{self, Contribution, Dbi};
use crate::ids::{self, Ids};
use crate::module::Module;
use crate::msf::Msf;
use crate::names::Names;
use crate::publics::Publics;
use crate::readable::readable;
use crate::sections::{At, Sections};
use crate::{Identity, Refused, info};
use ringfence_image::CodeView;
use std::collections::HashMap;

/// The texts of all places that are told of one image, in bytes: that is 100,000 calls with paths as
/// people have them. A small driver may have many calls, and all of them may cite one long name.
const MOST_TEXT: usize = 64 << 20;

/// What is known of an address; everything that is not is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The function; where others were inlined there, the one that they were inlined into. Of several
    /// with equal code that the linker folded into one it is the first.
    pub function: Option<String>,
    /// The path of the source file, as the compiler wrote it down.
    pub file: Option<String>,
    /// The line in it, from 1; where others were inlined there, the line that calls them.
    pub line: Option<u32>,
    /// The functions that were inlined there, the innermost first.
    pub inlined: Vec<InlinedCall>,
    /// The path of the object file, as the linker wrote it down.
    pub object: Option<String>,
    /// The path of the static library that the object came out of.
    pub library: Option<String>,
}

impl Place {
    /// The bytes of all its texts.
    fn text(&self) -> usize {
        let own = [&self.function, &self.file, &self.object, &self.library].into_iter();
        let inlined = self.inlined.iter().flat_map(|call| [&call.function, &call.file]);
        own.chain(inlined).flatten().map(String::len).sum()
    }
}

/// A function that was inlined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InlinedCall {
    /// The function; a method without its class.
    pub function: Option<String>,
    /// The path of the source file, as the compiler wrote it down.
    pub file: Option<String>,
    /// The line in it.
    pub line: u32,
}

/// The symbols of one image.
pub struct Symbols<'data> {
    msf: Msf<'data>,
    debug_information: Vec<u8>,
    sections: Sections,
    contributions: Vec<Contribution>,
    names: Names,
    /// Names of inlined functions, read when first needed, as are the public symbols.
    ids: Option<Ids>,
    publics: Option<Publics>,
    /// Where the debug information has each module.
    module_starts: Vec<usize>,
    /// Those that were needed so far.
    modules: HashMap<u16, Option<Module>>,
    /// Bytes of text that may still be told.
    budget: usize,
}

impl<'data> Symbols<'data> {
    /// Reads the PDB that `bytes` are, where it is the one that the image names.
    ///
    /// The GUID must be that of the PDB, and the age that of its debug information, which is what
    /// linkers copy into the image and symbol stores file it under. The age of the whole PDB also
    /// counts changes that were made after the link.
    ///
    /// # Errors
    ///
    /// Where the bytes are no such PDB, belong to another link, or cannot be read.
    pub fn read(bytes: &'data [u8], wanted: &CodeView<'_>) -> Result<Symbols<'data>, Refused> {
        let mut msf = Msf::read(bytes)?;
        let info = msf.stream(info::STREAM).ok_or(Refused::Truncated("the PDB's identity"))?;
        let guid = info::guid(&info).ok_or(Refused::Malformed("the PDB's identity"))?;
        let guid = guid.map_err(|_| Refused::TooOld)?;
        let debug_information =
            msf.stream(dbi::STREAM).ok_or(Refused::Truncated("the debug information"))?;
        let dbi = Dbi::read(&debug_information)?;
        // A tool that writes no age there means that of the PDB.
        let age = dbi.age().filter(|&age| age != 0).or_else(|| info::age(&info)).unwrap_or(0);
        let (found, wanted) =
            (Identity { guid, age }, Identity { guid: wanted.guid, age: wanted.age });
        if found != wanted {
            return Err(Refused::OtherBuild { wanted, found });
        }
        if dbi.is_rearranged() {
            return Err(Refused::Rearranged);
        }
        let sections = dbi.section_headers().and_then(|number| msf.stream(number));
        let sections = Sections::read(&sections.ok_or(Refused::Truncated("the section headers"))?);
        let names = info::named(&info, b"/names").and_then(|number| msf.stream(number));
        Ok(Symbols {
            contributions: dbi.contributions(),
            module_starts: dbi.module_starts(),
            sections,
            names: names.map(Names::read).unwrap_or_default(),
            budget: MOST_TEXT,
            ids: None,
            publics: None,
            modules: HashMap::new(),
            msf,
            debug_information,
        })
    }

    /// What is known of the address `rva`, relative to the image base. After places with many megabytes
    /// of names, which only a file made for it has, nothing is known any more.
    pub fn locate(&mut self, rva: u32) -> Option<Place> {
        let place = self.find(rva)?;
        self.budget = self.budget.checked_sub(place.text())?;
        Some(place)
    }

    fn find(&mut self, rva: u32) -> Option<Place> {
        let at = self.sections.at(rva)?;
        let mut place = Place::default();
        let from = match contribution(&self.contributions, at).map(|one| (one.module, one.start)) {
            Some((module, start)) => {
                self.place_in_module(module, at, &mut place);
                start
            }
            None => (at.0, 0),
        };
        if place.function.is_none() {
            place.function = self.publics().last(from, at).and_then(name).as_deref().map(readable);
        }
        (place != Place::default()).then_some(place)
    }

    fn place_in_module(&mut self, number: u16, at: At, place: &mut Place) -> Option<()> {
        let start = *self.module_starts.get(usize::from(number))?;
        let info = Dbi::read(&self.debug_information).ok()?.module(start)?;
        // What the linker itself makes is called `* Linker *`.
        place.object = name(info.name).filter(|name| !name.starts_with("* "));
        place.library = name(info.file).filter(|_| info.file != info.name);
        let msf = &mut self.msf;
        let module = self
            .modules
            .entry(number)
            .or_insert_with(|| Some(Module::read(msf.stream(info.stream?)?, &info)));
        let module = module.as_ref()?;
        place.function = module.function(at).and_then(name).as_deref().map(readable);
        for (function, line, file) in module.inlined(at) {
            let ids = self
                .ids
                .get_or_insert_with(|| msf.stream(ids::STREAM).map(Ids::read).unwrap_or_default());
            let file = file.and_then(|file| self.names.get(file)).and_then(name);
            place.inlined.push(InlinedCall { function: ids.function(function), file, line });
        }
        let (line, file) = module.line(at)?;
        place.line = Some(line);
        place.file = self.names.get(file?).and_then(name);
        Some(())
    }

    /// The public symbols.
    fn publics(&mut self) -> &Publics {
        let (msf, debug_information) = (&mut self.msf, &self.debug_information);
        self.publics.get_or_insert_with(|| {
            let records = Dbi::read(debug_information).ok().and_then(|dbi| dbi.symbol_records());
            let records = records.and_then(|number| msf.stream(number));
            records.map(Publics::read).unwrap_or_default()
        })
    }
}

fn contribution(contributions: &[Contribution], at: At) -> Option<&Contribution> {
    let after = contributions.partition_point(|contribution| contribution.start <= at);
    let last = &contributions[after.checked_sub(1)?];
    let offset = at.1.checked_sub(last.start.1)?;
    (last.start.0 == at.0 && offset < last.size).then_some(last)
}

//! Imports that stand for several DDIs: the first argument says which, and the DDI's own come behind it.

use ringfence_code::{Parameter, Possible, Survey};
use ringfence_ddi::{Ddi, Reach, all};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The DDIs that imports stand for which are asked about, by the number of the import's query.
#[derive(Debug, Default)]
pub(super) struct Selected(BTreeMap<usize, Vec<(u32, usize)>>);

/// What each import is called that stands for several DDIs, the argument by which it does for one, and that.
static ALL: LazyLock<Vec<(&str, u32, &Ddi)>> = LazyLock::new(|| {
    let of = |ddi: &'static Ddi| match ddi.reach {
        Reach::Selector { import, value } => Some((import, value, ddi)),
        _ => None,
    };
    all().iter().filter_map(of).collect()
});

/// The DDIs that the function `name` of `module` stands for, each with the argument by which it does.
pub(super) fn selected(module: &str, name: &str) -> Vec<(u32, &'static Ddi)> {
    let is_there = |ddi: &Ddi| ddi.modules.iter().any(|one| one.eq_ignore_ascii_case(module));
    let meant = ALL.iter().filter(|(import, _, ddi)| *import == name && is_there(ddi));
    meant.map(|(_, value, ddi)| (*value, *ddi)).collect()
}

/// The argument that says which DDI is meant.
pub(super) const WHICH: Parameter = Parameter::new(0, 32);

impl Selected {
    /// Notes that the query numbered `import` stands for the DDI numbered `ddi` where its first argument is `value`.
    pub(super) fn add(&mut self, import: usize, value: u32, ddi: usize) {
        self.0.entry(import).or_default().push((value, ddi));
    }

    /// Makes of calls of such imports calls of the DDIs that they stand for; those that stand for none are left out, as
    /// are those of which it is not known.
    pub(super) fn settle(&self, survey: &mut Survey) {
        survey.sites.retain_mut(|site| {
            let Some(ddis) = self.0.get(&site.wanted) else { return true };
            let which = site.arguments.iter().find(|argument| argument.index == WHICH.index);
            let which = which.map(|argument| &argument.value.possible[..]);
            let Some([only]) = which else { return false };
            let number = Possible::constant(only).map(|number| number & u64::from(u32::MAX));
            let Some((_, ddi)) = ddis.iter().find(|(value, _)| Some(u64::from(*value)) == number)
            else {
                return false;
            };
            site.wanted = *ddi;
            let routes = site.routes.iter_mut().map(|route| &mut route.arguments);
            for arguments in routes.chain([&mut site.arguments]) {
                arguments.retain(|argument| argument.index != WHICH.index);
                arguments.iter_mut().for_each(|argument| argument.index -= 1);
            }
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::inquiry::Inquiry;
    use crate::memory::tests::{constant, unknown};
    use ringfence_code::{Argument, Route, Site, Value, Via};
    use ringfence_fixture::driver;
    use ringfence_image::{Image, Rva};

    fn given(index: u8, value: Value) -> Argument {
        Argument { index, value }
    }

    fn site(code: Value) -> Site {
        let arguments = vec![given(0, code), given(6, constant(1))];
        Site {
            at: Rva(0x1000),
            function: None,
            wanted: 0,
            via: Via::Slot,
            always: true,
            reached: true,
            routes: vec![Route {
                calls: Vec::new(),
                set_at: Vec::new(),
                arguments: arguments.clone(),
            }],
            arguments,
            alike: 0,
        }
    }

    /// Spec case 75, and what stands for no DDI of the list.
    #[test]
    fn the_first_argument_says_which_ddi_is_called() {
        let bytes = driver().import("storport.sys", &["StorPortExtendedFunction"]).bytes();
        let inquiry = Inquiry::of(&Image::read(&bytes).unwrap());
        let name = |wanted: usize| inquiry.ddis[wanted].name;
        let number = inquiry.ddis.iter().position(|ddi| ddi.name.starts_with("StorPort")).unwrap();
        let sites = [constant(5), constant(24), constant(9), unknown()].map(site);
        let sites = sites.map(|site| Site { wanted: number, ..site }).to_vec();
        let mut survey = Survey { sites, ..Survey::default() };
        inquiry.selected.settle(&mut survey);
        let told: Vec<_> = survey.sites.iter().map(|site| name(site.wanted)).collect();
        assert_eq!(
            told,
            ["StorPortGetSystemAddress", "StorPortAllocateContiguousMemorySpecifyCacheNode"]
        );
        // CacheType is the sixth parameter of the DDI, and the seventh argument of the import.
        let cache_type = vec![given(5, constant(1))];
        assert_eq!(survey.sites[1].arguments, cache_type);
        assert_eq!(survey.sites[1].routes[0].arguments, cache_type);
    }
}

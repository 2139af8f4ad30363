//! The report for programs: one document, or one line a driver. `schemas/report-v1.json` says how.

use crate::Sink;
use crate::safe::is_harmful;
use ringfence_finding::{Closing, Examination, REPORT_VERSION, Targets, Tool};
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, Write};

/// One JSON document, what `serde_json::to_string_pretty` makes of a
/// [`Report`](ringfence_finding::Report), but written driver by driver and harmless on a terminal.
pub(crate) struct Json<'a> {
    out: Box<dyn Write + 'a>,
    any: bool,
}

impl<'a> Json<'a> {
    pub(crate) fn new(out: Box<dyn Write + 'a>) -> Json<'a> {
        Json { out, any: false }
    }

    /// The beginning of a document, with what every one says first.
    pub(crate) fn open(&mut self, tool: &Tool) -> io::Result<()> {
        self.out.write_all(b"{\n")?;
        self.field("report_version", &REPORT_VERSION)?;
        self.more("tool", tool)
    }

    /// One more field.
    pub(crate) fn more(&mut self, name: &str, value: &impl Serialize) -> io::Result<()> {
        self.out.write_all(b",\n")?;
        self.field(name, value)
    }

    /// One more field, a list, whose elements follow.
    pub(crate) fn list(&mut self, name: &str) -> io::Result<()> {
        write!(self.out, ",\n  \"{name}\": [")
    }

    /// One more element of the list.
    pub(crate) fn element(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.out.write_all(if self.any { b",\n    " } else { b"\n    " })?;
        self.any = true;
        self.indented(value, "    ")
    }

    /// The end of the list.
    pub(crate) fn end_list(&mut self) -> io::Result<()> {
        self.out.write_all(if self.any { b"\n  ]" } else { b"]" })
    }

    /// The end of the document.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n}\n")?;
        self.out.flush()
    }

    /// `"name": value` at the top level, without what separates it from the next.
    fn field(&mut self, name: &str, value: &impl Serialize) -> io::Result<()> {
        write!(self.out, "  \"{name}\": ")?;
        self.indented(value, "  ")
    }

    fn indented(&mut self, value: &impl Serialize, indent: &str) -> io::Result<()> {
        // Line breaks inside strings are escaped, so each one found is between tokens.
        let text = serde_json::to_string_pretty(value)?;
        let text = escaped(&text);
        for (index, line) in text.lines().enumerate() {
            if index > 0 {
                write!(self.out, "\n{indent}")?;
            }
            self.out.write_all(line.as_bytes())?;
        }
        Ok(())
    }
}

impl Sink for Json<'_> {
    fn begin(&mut self, tool: &Tool, targets: Targets) -> io::Result<()> {
        self.open(tool)?;
        self.more("targets", &targets)?;
        self.list("drivers")
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        self.element(examination)
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        self.end_list()?;
        self.more("unread", &closing.unread)?;
        self.more("faults", &closing.faults)?;
        self.more("left_out", &closing.left_out)?;
        if !closing.acceptances.is_empty() {
            self.more("acceptances", &closing.acceptances)?;
        }
        self.more("totals", &closing.totals)?;
        self.close()
    }
}

/// One line a driver. What could not be read has no line: it is told on stderr, and by the exit code.
pub(crate) struct JsonLines<'a> {
    out: Box<dyn Write + 'a>,
}

impl<'a> JsonLines<'a> {
    pub(crate) fn new(out: Box<dyn Write + 'a>) -> JsonLines<'a> {
        JsonLines { out }
    }
}

impl Sink for JsonLines<'_> {
    fn begin(&mut self, _: &Tool, _: Targets) -> io::Result<()> {
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        writeln!(self.out, "{}", escaped(&serde_json::to_string(examination)?))
    }

    fn finish(&mut self, _: &Closing) -> io::Result<()> {
        self.out.flush()
    }
}

/// JSON in which what could steer a terminal is written as `\u009b`. It means the same: outside
/// strings there is none of it but line breaks.
pub(crate) fn escaped(json: &str) -> Cow<'_, str> {
    if !json.contains(|c| c != '\n' && is_harmful(c)) {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if c == '\n' || !is_harmful(c) {
            text.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            text += &format!("\\u{unit:04x}");
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use crate::format::Format;
    use crate::sample;
    use ringfence_finding::Report;

    #[test]
    fn the_streamed_document_is_the_report() {
        for drivers in [vec![], vec![sample::clean("a.sys")], sample::all()] {
            let streamed = sample::written(Format::Json, &drivers, Default::default());
            let closing = sample::closing(&drivers);
            let report = Report::new(sample::TOOL, sample::TARGETS, drivers, closing);
            let parsed: serde_json::Value = serde_json::from_str(&streamed).unwrap();
            assert_eq!(parsed, serde_json::to_value(&report).unwrap());
            let pretty = serde_json::to_string_pretty(&report).unwrap() + "\n";
            assert_eq!(streamed, super::escaped(&pretty));
        }
    }

    #[test]
    fn acceptances_that_did_nothing_are_told() {
        use ringfence_finding::{Closing, IdleAcceptance};
        let idle = IdleAcceptance { rule: "some-rule".to_owned(), ..Default::default() };
        let mut closing = Closing::default();
        closing.acceptances.expired.push(idle);
        let streamed = sample::written_with(Format::Json, &[], &closing, Default::default());
        let report = Report::new(sample::TOOL, sample::TARGETS, vec![], closing);
        assert_eq!(streamed, serde_json::to_string_pretty(&report).unwrap() + "\n");
        assert!(streamed.contains("\"expired\": [\n      {\n        \"place\": null"));
    }

    #[test]
    fn no_string_can_steer_a_terminal() {
        let text = "\u{9b}\u{202e}\u{e0041}\x7f ü";
        let json = serde_json::to_string_pretty(&[text]).unwrap();
        let escaped = super::escaped(&json);
        assert_eq!(escaped, "[\n  \"\\u009b\\u202e\\udb40\\udc41\\u007f ü\"\n]");
        assert_eq!(serde_json::from_str::<[String; 1]>(&escaped).unwrap(), [text]);
    }

    #[test]
    fn each_line_is_an_examination() {
        let drivers = sample::all();
        let written = sample::written(Format::Jsonl, &drivers, Default::default());
        assert_eq!(written.lines().count(), drivers.len());
        for (line, driver) in written.lines().zip(&drivers) {
            let parsed: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(parsed, serde_json::to_value(driver).unwrap());
        }
    }
}

//! `ringfence lint --lsp`, talked to as an editor does.

use crate::run::ringfence;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// An editor that has opened a folder.
struct Editor {
    server: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    last: i64,
}

impl Editor {
    fn open(folder: &Path) -> Editor {
        Editor::open_with(folder, &["--isolated"])
    }

    fn open_with(folder: &Path, options: &[&str]) -> Editor {
        Editor::open_as(folder, options, &json!({}))
    }

    fn open_as(folder: &Path, options: &[&str], capabilities: &Value) -> Editor {
        let mut command = ringfence();
        command
            .args(["lint", "--lsp"])
            .args(options)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut server = command.spawn().unwrap();
        let (to, from) =
            (server.stdin.take().unwrap(), BufReader::new(server.stdout.take().unwrap()));
        let mut editor = Editor { server, to, from, last: 0 };
        let folders = [json!({ "uri": address(folder), "name": "x" })];
        let answer = editor.ask(
            "initialize",
            json!({ "capabilities": capabilities, "workspaceFolders": folders }),
        );
        assert_eq!(answer["serverInfo"]["name"], "ringfence");
        assert_eq!(answer["capabilities"]["positionEncoding"], "utf-16");
        editor.say("initialized", json!({}));
        editor
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.to, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.to.flush().unwrap();
    }

    fn say(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert_ne!(self.from.read_line(&mut line).unwrap(), 0, "the server is gone");
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", number)) => length = number.parse().unwrap(),
                Some(_) => {}
                None => break,
            }
        }
        let mut bytes = vec![0; length];
        self.from.read_exact(&mut bytes).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// The answer to a request; what is told meanwhile is passed over.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let id = self.last;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.receive();
            if message["id"] == id {
                assert_eq!(message["error"], Value::Null, "{method}");
                return message["result"].clone();
            }
        }
    }

    /// What is told next of a document.
    fn told(&mut self, uri: &str) -> Value {
        loop {
            let message = self.receive();
            let is_it = message["method"] == "textDocument/publishDiagnostics";
            if is_it && message["params"]["uri"] == uri {
                return message["params"].clone();
            }
        }
    }

    /// What is told next of a version of a document: what came before may still be on its way, once or twice.
    fn told_of(&mut self, uri: &str, version: i32) -> Value {
        loop {
            let told = self.told(uri);
            if told["version"] == version {
                return told;
            }
        }
    }

    fn close(mut self) {
        assert_eq!(self.ask("shutdown", Value::Null), Value::Null);
        self.say("exit", Value::Null);
        assert!(self.server.wait().unwrap().success());
    }
}

fn address(path: &Path) -> String {
    let text = path.to_str().unwrap().replace('\\', "/");
    if text.starts_with('/') { format!("file://{text}") } else { format!("file:///{text}") }
}

fn change(uri: &str, version: i32, start: (u32, u32), end: (u32, u32), text: &str) -> Value {
    let place = |(line, character)| json!({ "line": line, "character": character });
    json!({
        "textDocument": { "uri": uri, "version": version },
        "contentChanges": [{ "range": { "start": place(start), "end": place(end) }, "text": text }],
    })
}

const CODE: &str = "#include \"acme.h\"\nvoid *f(void) { return ExAllocatePool(POOL, 1); }\n";

const OTHER: &str =
    "#include <ntddk.h>\nvoid *g(void) { return ExAllocatePool(NonPagedPool, 1); }\n";

#[test]
fn an_editor_is_told_while_it_types() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.c");
    std::fs::write(folder.path().join("acme.h"), "#include <ntddk.h>\n#define POOL NonPagedPool\n")
        .unwrap();
    std::fs::write(&path, "void nothing;\n").unwrap();
    std::fs::write(folder.path().join("b.c"), OTHER).unwrap();
    let uri = address(&path);
    let mut editor = Editor::open(folder.path());
    let document = json!({ "uri": uri, "languageId": "c", "version": 1, "text": CODE });
    editor.say("textDocument/didOpen", json!({ "textDocument": document }));
    let told = editor.told(&uri);
    assert_eq!(told["version"], 1);
    let found = &told["diagnostics"][0];
    assert_eq!((&found["code"], &found["severity"]), (&json!("executable-pool-type"), &json!(1)));
    assert_eq!(found["range"]["start"], json!({ "line": 1, "character": 38 }));
    let header = &found["relatedInformation"][0];
    assert!(header["location"]["uri"].as_str().unwrap().ends_with("/acme.h"));

    // The first fix is that of the header, where the constant stands.
    let asked = json!({
        "textDocument": { "uri": uri },
        "range": found["range"],
        "context": { "diagnostics": [] },
    });
    let actions = editor.ask("textDocument/codeAction", asked);
    assert_eq!(
        (&actions[0]["kind"], &actions[0]["isPreferred"]),
        (&json!("quickfix"), &json!(true))
    );
    let changes = actions[0]["edit"]["changes"].as_object().unwrap();
    let (file, edits) = changes.iter().next().unwrap();
    assert!(file.ends_with("/acme.h"));
    assert_eq!(edits[0]["newText"], "NonPagedPoolNx");

    // Over a DDI's name there is what `explain` says of it.
    let place =
        json!({ "textDocument": { "uri": uri }, "position": { "line": 1, "character": 26 } });
    let hover = editor.ask("textDocument/hover", place);
    let said = hover["contents"]["value"].as_str().unwrap();
    assert!(said.starts_with("# ExAllocatePool"), "{said}");

    // Mended by hand, nothing is left.
    editor.say("textDocument/didChange", change(&uri, 2, (1, 38), (1, 42), "PagedPool"));
    let told = editor.told(&uri);
    assert_eq!((&told["version"], &told["diagnostics"]), (&json!(2), &json!([])));

    // A second document is told of, though nothing changed, and a question before that takes nothing away.
    let other = address(&folder.path().join("b.c"));
    let document = json!({ "uri": other, "languageId": "c", "version": 1, "text": OTHER });
    editor.say("textDocument/didOpen", json!({ "textDocument": document }));
    let place =
        json!({ "textDocument": { "uri": other }, "position": { "line": 0, "character": 0 } });
    editor.ask("textDocument/hover", place);
    editor.say("textDocument/didSave", json!({ "textDocument": { "uri": uri } }));
    assert_eq!(editor.told(&other)["diagnostics"].as_array().unwrap().len(), 1);

    // A change of the header comes through.
    editor.say("textDocument/didChange", change(&uri, 3, (1, 38), (1, 47), "POOL"));
    assert_eq!(editor.told_of(&uri, 3)["diagnostics"].as_array().unwrap().len(), 1);
    let header = address(&folder.path().join("acme.h"));
    let text = "#include <ntddk.h>\n#define POOL NonPagedPoolNx\n";
    let document = json!({ "uri": header, "languageId": "c", "version": 1, "text": text });
    editor.say("textDocument/didOpen", json!({ "textDocument": document }));
    assert_eq!(editor.told(&uri)["diagnostics"], json!([]));
    editor.close();
}

#[test]
fn what_makes_no_sense_is_answered_and_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::open(folder.path());
    editor
        .send(&json!({ "jsonrpc": "2.0", "id": 77, "method": "textDocument/hover", "params": 5 }));
    assert_eq!(editor.receive()["error"]["code"], -32602);
    editor.send(&json!({ "jsonrpc": "2.0", "id": 78, "method": "no/such", "params": {} }));
    assert_eq!(editor.receive()["error"]["code"], -32601);
    editor.say("textDocument/didChange", change("file:///not/open.c", 1, (0, 0), (0, 0), "x"));
    editor.say("textDocument/didOpen", json!({ "textDocument": 1 }));
    for (body, code) in [("{", -32700), ("[]", -32600)] {
        write!(editor.to, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let answer = editor.receive();
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &Value::Null));
    }
    editor.close();
}

#[test]
fn wrong_settings_are_told_and_end_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ringfence.toml"), "strict = maybe\n").unwrap();
    let path = folder.path().join("b.c");
    std::fs::write(&path, OTHER).unwrap();
    let mut editor = Editor::open_with(folder.path(), &[]);
    let said = editor.receive();
    assert_eq!(said["method"], "window/showMessage");
    let message = said["params"]["message"].as_str().unwrap();
    assert!(message.starts_with("ringfence.toml:1:10: "), "{message}");
    let uri = address(&path);
    let document = json!({ "uri": uri, "languageId": "c", "version": 1, "text": OTHER });
    editor.say("textDocument/didOpen", json!({ "textDocument": document }));
    assert_eq!(editor.told(&uri)["diagnostics"].as_array().unwrap().len(), 1);
    editor.close();
}

/// An editor makes the preferred one without asking.
#[test]
fn one_fix_at_most_is_preferred() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.c");
    std::fs::write(&path, OTHER).unwrap();
    let uri = address(&path);
    let mut editor = Editor::open_with(folder.path(), &["--isolated", "--target", "win11"]);
    let document = json!({ "uri": uri, "languageId": "c", "version": 1, "text": OTHER });
    editor.say("textDocument/didOpen", json!({ "textDocument": document }));
    let range = editor.told(&uri)["diagnostics"][0]["range"].clone();
    let asked = json!({
        "textDocument": { "uri": uri }, "range": range, "context": { "diagnostics": [] },
    });
    let actions = editor.ask("textDocument/codeAction", asked);
    let fixes: Vec<_> = actions
        .as_array()
        .unwrap()
        .iter()
        .filter(|action| action["isPreferred"].is_boolean())
        .map(|action| action["isPreferred"] == true)
        .collect();
    assert_eq!(fixes, [true, false], "{actions}");
    editor.close();
}

/// The command line tells acceptances that accept nothing, and so is it here: beside what is shown of other files.
#[test]
fn acceptances_that_accept_nothing_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.c");
    let code = "#include <ntddk.h>\n// ringfence: allow(executable-pool-type) known\nint a;\n\
                // ringfence: allow(no-such-rule) why\nint b;\n";
    std::fs::write(&path, code).unwrap();
    let uri = address(&path);
    let mut editor = Editor::open(folder.path());
    let document = json!({ "uri": uri, "languageId": "c", "version": 1, "text": code });
    editor.say("textDocument/didOpen", json!({ "textDocument": document }));
    let told = editor.told(&uri)["diagnostics"].clone();
    for (index, line, says) in [(0, 1, "there is nothing for it to accept"), (1, 3, "no such rule")]
    {
        let one = &told[index];
        assert_eq!((&one["code"], &one["severity"]), (&json!("idle-acceptance"), &json!(2)));
        assert_eq!(one["range"]["start"], json!({ "line": line, "character": 0 }));
        assert!(one["message"].as_str().unwrap().contains(says), "{one}");
    }
    assert_eq!(told.as_array().unwrap().len(), 2);
    // Once there is something to accept, one of them is at work.
    let call = "void *f(void) { return ExAllocatePool(NonPagedPool, 1); }";
    editor.say("textDocument/didChange", change(&uri, 2, (2, 0), (2, 6), call));
    assert_eq!(editor.told_of(&uri, 2)["diagnostics"].as_array().unwrap().len(), 1);
    editor.close();
}

/// What has no place among the files is looked at alone, in the language that the editor says it has.
#[test]
fn a_document_that_is_no_file_yet_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::open(folder.path());
    let document = |uri: &str, language: &str| json!({ "textDocument": { "uri": uri, "languageId": language, "version": 1, "text": OTHER } });
    let uri = "untitled:Untitled-1";
    editor.say("textDocument/didOpen", document("untitled:Untitled-2", "plaintext"));
    editor.say("textDocument/didOpen", document(uri, "c"));
    let told = editor.told(uri);
    assert_eq!(told["diagnostics"][0]["code"], "executable-pool-type");
    // Its fixes are edits of the document, by the address that the editor has for it.
    let asked = |only: &str| {
        json!({
            "textDocument": { "uri": uri }, "range": told["diagnostics"][0]["range"],
            "context": { "diagnostics": [], "only": [only] },
        })
    };
    let actions = editor.ask("textDocument/codeAction", asked("quickfix"));
    assert_eq!(actions[0]["isPreferred"], true);
    let edit = json!({
        "range": { "start": { "line": 1, "character": 38 }, "end": { "line": 1, "character": 50 } },
        "newText": "NonPagedPoolNx",
    });
    assert_eq!(actions[0]["edit"]["changes"], json!({ uri: [edit] }));
    let accept = actions.as_array().unwrap().last().unwrap();
    assert!(accept["edit"]["changes"][uri].is_array(), "{accept}");
    let all = editor.ask("textDocument/codeAction", asked("source.fixAll"));
    assert_eq!(all[0]["edit"]["changes"], json!({ uri: [edit] }));
    editor.say("textDocument/didChange", change(uri, 2, (1, 38), (1, 50), "PagedPool"));
    assert_eq!(editor.told_of(uri, 2)["diagnostics"], json!([]));
    assert_eq!(editor.ask("textDocument/codeAction", asked("quickfix")), json!([]));
    editor.say("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    assert_eq!(editor.told(uri)["diagnostics"], json!([]));
    editor.close();
}

/// What changes on disk is read again, if the editor tells of it: it is asked to.
#[test]
fn files_that_change_on_disk_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let project = |defines: &str| {
        format!(
            "<Project><ItemGroup><ProjectConfiguration Include=\"Release|x64\"/></ItemGroup>\
             <ItemDefinitionGroup><ClCompile><PreprocessorDefinitions>{defines}</PreprocessorDefinitions>\
             </ClCompile></ItemDefinitionGroup><ItemGroup><ClCompile Include=\"b.c\"/></ItemGroup></Project>"
        )
    };
    write("b.vcxproj", &project("X=1"));
    write("b.c", OTHER);
    let capabilities =
        json!({ "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } } });
    let mut editor = Editor::open_as(folder.path(), &["--isolated"], &capabilities);
    let asked = editor.receive();
    assert_eq!(asked["method"], "client/registerCapability");
    let registration = &asked["params"]["registrations"][0];
    assert_eq!(registration["method"], "workspace/didChangeWatchedFiles");
    let globs = registration["registerOptions"]["watchers"].as_array().unwrap();
    let globs: Vec<&str> = globs.iter().map(|one| one["globPattern"].as_str().unwrap()).collect();
    for name in ["vcxproj", "props", "CMakeLists.txt", "compile_commands.json", "sources", "hpp"] {
        assert!(globs.iter().any(|glob| glob.contains(name)), "{name}");
    }
    editor.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": null }));

    let uri = address(&folder.path().join("b.c"));
    let document = json!({ "uri": uri, "languageId": "c", "version": 1, "text": OTHER });
    editor.say("textDocument/didOpen", json!({ "textDocument": document }));
    let count = |told: Value| told["diagnostics"].as_array().unwrap().len();
    assert_eq!(count(editor.told(&uri)), 1);
    let changed = |name: &str, kind: u32| json!({ "changes": [{ "uri": address(&folder.path().join(name)), "type": kind }] });
    // Changed: the project opts in.
    write("b.vcxproj", &project("POOL_NX_OPTIN_AUTO=1"));
    editor.say("workspace/didChangeWatchedFiles", changed("b.vcxproj", 2));
    assert_eq!(count(editor.told(&uri)), 0);
    // Deleted, and with it the opt-in.
    std::fs::remove_file(folder.path().join("b.vcxproj")).unwrap();
    editor.say("workspace/didChangeWatchedFiles", changed("b.vcxproj", 3));
    assert_eq!(count(editor.told(&uri)), 1);
    // Made again.
    write("b.vcxproj", &project("POOL_NX_OPTIN_AUTO=1"));
    editor.say("workspace/didChangeWatchedFiles", changed("b.vcxproj", 1));
    assert_eq!(count(editor.told(&uri)), 0);
    // What is open is as the editor has it, whatever is on disk.
    write("b.c", "int nothing;\n");
    editor.say("workspace/didChangeWatchedFiles", changed("b.c", 2));
    write("b.vcxproj", &project("X=1"));
    editor.say("workspace/didChangeWatchedFiles", changed("b.vcxproj", 2));
    assert_eq!(count(editor.told(&uri)), 1);
    editor.close();
}

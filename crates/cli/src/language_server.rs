//! The Language Server Protocol on standard input and output: findings while one types, fixes, and what rules say.
//!
//! One thread does everything but reading and writing. What waits is taken in before anything is looked at, so that fast typing is looked at once.

mod address;
mod text;
mod told;
mod transport;
mod untitled;
mod watched;
mod workspace;

use anyhow::Context;
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, Response};
use lsp_types::notification::{
    DidChangeTextDocument, DidChangeWatchedFiles, DidCloseTextDocument, DidOpenTextDocument,
    DidSaveTextDocument, Notification as _, PublishDiagnostics, ShowMessage,
};
use lsp_types::request::{CodeActionRequest, HoverRequest, Request as _};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionProviderCapability, HoverProviderCapability,
    InitializeParams, MessageType, PositionEncodingKind, PublishDiagnosticsParams, SaveOptions,
    ServerCapabilities, ShowMessageParams, TextDocumentSyncCapability, TextDocumentSyncKind,
    TextDocumentSyncOptions, TextDocumentSyncSaveOptions, Uri,
};
use ringfence::LintSettings;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use workspace::Workspace;

/// Serves one editor until it says that it is done; `trouble` is shown to whoever sits there.
pub(crate) fn serve(
    settings: LintSettings,
    folders: Vec<PathBuf>,
    docs: Option<String>,
    trouble: Option<String>,
) -> anyhow::Result<()> {
    let (connection, pipes) = transport::open();
    let begun = Server::begin(&connection, settings, folders, docs);
    let served = begun.and_then(|mut server| {
        trouble.map_or(Ok(()), |trouble| server.warn(trouble))?;
        server.run()
    });
    // The thread that writes ends with the connection.
    drop(connection);
    pipes.join().context("the editor's pipe broke")?;
    served
}

struct Server<'c> {
    connection: &'c Connection,
    workspace: Workspace,
}

impl<'c> Server<'c> {
    fn begin(
        connection: &'c Connection,
        settings: LintSettings,
        named: Vec<PathBuf>,
        docs: Option<String>,
    ) -> anyhow::Result<Server<'c>> {
        let (id, said) = connection.initialize_start()?;
        let said: InitializeParams =
            serde_json::from_value(said).context("the editor's first message")?;
        let answer = serde_json::json!({
            "capabilities": capabilities(),
            "serverInfo": { "name": ringfence::TOOL.name, "version": ringfence::TOOL.version },
        });
        connection.initialize_finish(id, answer)?;
        if let Some(request) = watched::registration(&said.capabilities) {
            connection.sender.send(request.into())?;
        }
        let folders = if named.is_empty() { folders(&said) } else { named };
        Ok(Server { connection, workspace: Workspace::open(folders, settings, docs) })
    }

    fn run(&mut self) -> anyhow::Result<()> {
        while let Ok(message) = self.connection.receiver.recv() {
            let mut waiting = Some(message);
            while let Some(message) = waiting {
                if self.take(message)? {
                    return Ok(());
                }
                waiting = self.connection.receiver.try_recv().ok();
            }
            self.publish()?;
        }
        Ok(())
    }

    /// Takes in a message; whether it was the last.
    fn take(&mut self, message: Message) -> anyhow::Result<bool> {
        match message {
            Message::Request(request) => {
                if self.connection.handle_shutdown(&request)? {
                    return Ok(true);
                }
                let response = self.answer(request);
                self.connection.sender.send(response.into())?;
            }
            Message::Notification(notification) => self.note(notification),
            Message::Response(_) => {}
        }
        Ok(false)
    }

    fn answer(&mut self, request: Request) -> Response {
        let Request { id, method, params } = request;
        let refused =
            |text: String| Response::new_err(id.clone(), ErrorCode::InvalidParams as i32, text);
        match &*method {
            CodeActionRequest::METHOD => match read(params) {
                Ok(asked) => Response::new_ok(id, self.workspace.actions(&asked)),
                Err(why) => refused(why),
            },
            HoverRequest::METHOD => match read(params) {
                Ok(asked) => Response::new_ok(id, self.workspace.hover(&asked)),
                Err(why) => refused(why),
            },
            _ => Response::new_err(
                id,
                ErrorCode::MethodNotFound as i32,
                format!("{method} is not offered"),
            ),
        }
    }

    /// What the editor says without asking. What cannot be read changes nothing: there is nobody to answer to.
    fn note(&mut self, notification: Notification) {
        let Notification { method, params } = notification;
        match &*method {
            DidOpenTextDocument::METHOD => {
                if let Ok(said) = read::<lsp_types::DidOpenTextDocumentParams>(params) {
                    self.workspace.opened(said.text_document);
                }
            }
            DidChangeTextDocument::METHOD => {
                if let Ok(said) = read::<lsp_types::DidChangeTextDocumentParams>(params) {
                    let document = said.text_document;
                    self.workspace.changed(&document.uri, document.version, said.content_changes);
                }
            }
            DidSaveTextDocument::METHOD => self.workspace.saved(),
            DidChangeWatchedFiles::METHOD => {
                if let Ok(said) = read::<lsp_types::DidChangeWatchedFilesParams>(params) {
                    self.workspace.changed_on_disk(&said.changes);
                }
            }
            DidCloseTextDocument::METHOD => {
                if let Ok(said) = read::<lsp_types::DidCloseTextDocumentParams>(params) {
                    self.workspace.closed(&said.text_document.uri);
                }
            }
            _ => {}
        }
    }

    /// Lets the editor show a message.
    fn warn(&self, message: String) -> anyhow::Result<()> {
        let said = ShowMessageParams { typ: MessageType::WARNING, message };
        let notification = Notification::new(ShowMessage::METHOD.to_owned(), said);
        Ok(self.connection.sender.send(notification.into())?)
    }

    fn publish(&mut self) -> anyhow::Result<()> {
        for (uri, version, diagnostics) in self.workspace.news() {
            let said = PublishDiagnosticsParams { uri, diagnostics, version };
            let notification = Notification::new(PublishDiagnostics::METHOD.to_owned(), said);
            self.connection.sender.send(notification.into())?;
        }
        Ok(())
    }
}

fn read<T: DeserializeOwned>(params: serde_json::Value) -> Result<T, String> {
    serde_json::from_value(params).map_err(|error| error.to_string())
}

fn capabilities() -> ServerCapabilities {
    ServerCapabilities {
        position_encoding: Some(PositionEncodingKind::UTF16),
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions {
                include_text: Some(false),
            })),
            ..TextDocumentSyncOptions::default()
        })),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX, told::FIX_ALL]),
            ..CodeActionOptions::default()
        })),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        ..ServerCapabilities::default()
    }
}

/// The folders that the editor has open.
#[expect(deprecated, reason = "editors of before workspace folders still say it so")]
fn folders(said: &InitializeParams) -> Vec<PathBuf> {
    let several = said.workspace_folders.iter().flatten().map(|folder| &folder.uri);
    let several: Vec<&Uri> = several.collect();
    let all = if several.is_empty() { said.root_uri.iter().collect() } else { several };
    all.into_iter().filter_map(address::path).collect()
}

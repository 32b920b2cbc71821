"""A session with `kumiki lsp` by a client that others wrote: pygls, whose types come from the
protocol's own model and refuse every answer that does not fit it.

    python lsp_client.py KUMIKI PROJECT

Every `!Ref`, `!GetAtt Stack.Outputs.Name` and `${Name}` that a regular expression finds in the
project's templates must lead to the text that declares the name, and have a hover. Then a slip of
the hand has to show, and to go when it is repaired; how long that took is printed.
"""

import asyncio
import re
import sys
import time
from pathlib import Path

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

REFERENCES = [
    re.compile(r"!Ref ([A-Za-z0-9]+)\b(?!:)"),
    re.compile(r"!GetAtt [A-Za-z0-9]+\.Outputs\.([A-Za-z0-9]+)"),
    re.compile(r"!Sub [\"']?[^\n]*?\$\{([A-Za-z0-9]+)\}"),
]


class Session:
    def __init__(self, project: Path):
        self.project = project
        self.client = LanguageClient("kumiki-test", "1")
        self.findings: dict[str, list[str]] = {}
        self.told = asyncio.Event()

        @self.client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def _(published: lsp.PublishDiagnosticsParams):
            self.findings[published.uri] = [str(it.code) for it in published.diagnostics]
            self.told.set()

    async def start(self, kumiki: str):
        await self.client.start_io(kumiki, "lsp")
        folder = lsp.WorkspaceFolder(uri=self.project.as_uri(), name=self.project.name)
        result = await self.client.initialize_async(
            lsp.InitializeParams(
                capabilities=lsp.ClientCapabilities(),
                workspace_folders=[folder],
                process_id=None,
                locale="en",
            )
        )
        assert result.capabilities.position_encoding == lsp.PositionEncodingKind.Utf16
        self.client.initialized(lsp.InitializedParams())

    async def until(self, holds, what: str) -> float:
        """Waits for findings; the seconds that it took."""
        begin = time.perf_counter()
        while not holds():
            self.told.clear()
            try:
                await asyncio.wait_for(self.told.wait(), 60)
            except TimeoutError:
                raise AssertionError(f"still waiting for {what}: {self.findings}") from None
        return time.perf_counter() - begin

    async def end(self):
        await self.client.shutdown_async(None)
        self.client.exit(None)
        await self.client._server.wait()
        assert self.client._server.returncode == 0


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def written(location: lsp.Location, texts: dict[str, list[str]]) -> str:
    """The text that a location covers."""
    line = texts[location.uri][location.range.start.line].encode("utf-16-le")
    return line[location.range.start.character * 2 : location.range.end.character * 2].decode(
        "utf-16-le"
    )


async def references(session: Session, texts: dict[str, list[str]]) -> int:
    count = 0
    for uri, lines in texts.items():
        for number, line in enumerate(lines):
            if line.lstrip().startswith("#"):
                continue
            for match in (it for pattern in REFERENCES for it in pattern.finditer(line)):
                at = lsp.Position(number, utf16(line[: match.start(1)]))
                place = {"text_document": lsp.TextDocumentIdentifier(uri), "position": at}
                where = f"{uri}:{number + 1}: {match.group(0)}"
                found = await session.client.text_document_definition_async(
                    lsp.DefinitionParams(**place)
                )
                assert found and {written(it, texts) for it in found} == {match.group(1)}, where
                hover = await session.client.text_document_hover_async(lsp.HoverParams(**place))
                assert hover and match.group(1) in hover.contents.value, where
                count += 1
    return count


async def main(kumiki: str, project: Path):
    session = Session(project)
    begin = time.perf_counter()
    await session.start(kumiki)
    paths = [it for it in project.rglob("*.yaml") if ".kumiki" not in it.parts]
    texts = {it.as_uri(): it.read_text().split("\n") for it in paths}
    for uri in texts:
        symbols = await session.client.text_document_document_symbol_async(
            lsp.DocumentSymbolParams(lsp.TextDocumentIdentifier(uri))
        )
        assert any(it.name == "Resources" for it in symbols), uri
    opened = time.perf_counter() - begin
    begin = time.perf_counter()
    count = await references(session, texts)
    each = (time.perf_counter() - begin) / count / 2
    print(f"{len(texts)} templates read in {opened:.3f} s, {count} names lead to their place")
    print(f"a question takes {each * 1000:.1f} ms")

    # The complete check of the untouched project, AWS's rules included, comes before the slip.
    uri = (project / "nested/network/vpc-and-igw.yaml").as_uri()
    text = "\n".join(texts[uri])
    session.client.text_document_did_open(
        lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(uri, "yaml", 1, text))
    )
    for version in range(2, 12, 2):
        session.client.text_document_did_change(change(uri, version, text.replace("!Ref ", "!Ref X", 1)))
        ours = await session.until(
            lambda: "undefined-reference" in session.findings.get(uri, []), "a slip to show"
        )
        session.client.text_document_did_change(change(uri, version + 1, text))
        repaired = await session.until(
            lambda: "undefined-reference" not in session.findings.get(uri, []), "a slip to go"
        )
        print(f"a slip shows after {ours * 1000:.0f} ms, and goes after {repaired * 1000:.0f} ms")
    session.client.text_document_did_change(
        change(uri, 99, text.replace("EnableDnsSupport:", "EnableDnsSupports:", 1))
    )
    theirs = await session.until(lambda: "F3002" in session.findings.get(uri, []), "AWS's rules")
    print(f"a finding of AWS's rules shows after {theirs * 1000:.0f} ms")
    await session.end()


def change(uri: str, version: int, text: str) -> lsp.DidChangeTextDocumentParams:
    return lsp.DidChangeTextDocumentParams(
        lsp.VersionedTextDocumentIdentifier(version, uri),
        [lsp.TextDocumentContentChangeWholeDocument(text)],
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]).resolve()))

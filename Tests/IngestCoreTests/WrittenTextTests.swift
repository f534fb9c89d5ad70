import AsyncPrimitives
import CommandLineOptions
import IngestCore
import Observability
import Testing
import TextCoding

/// What is printed, logged or listed: nothing steers a terminal, forges a line, or shows a secret.
@Suite struct WrittenTextTests {
    private static let hostile =
        "a\u{1B}]52;c;eA==\u{7}\u{9B}31m\u{202E}cod\u{2066}.exe\nforged\trow\r\u{2028}\u{FEFF}é日"

    private final class Captured: LogSink {
        let lines = LockedValue([LogLine]())

        func write(_ line: LogLine) { lines.withLock { $0.append(line) } }
    }

    @Test func controlsAndDirectionsAreEscaped() {
        let shown = Self.hostile.printable
        #expect(!shown.unicodeScalars.contains { $0.isUnprintable })
        #expect(shown.hasPrefix("a\\u{1b}]52") && shown.hasSuffix("é日") && shown.contains("\\u{a}forged\\u{9}row"))
        #expect("plain é日 text".printable == "plain é日 text")
    }

    @Test func jsonKeepsItsMeaning() throws {
        let json = String(decoding: JSONWriter.object { $0.field("key", Self.hostile) }, as: UTF8.self).printableJSON
        #expect(!json.unicodeScalars.contains { $0.isUnprintable })
        #expect(JSONValue(parsing: Array(json.utf8))?["key"]?.text == Self.hostile)
    }

    @Test func aLineOfTheLogIsOneLineWithoutSecrets() throws {
        KnownSecrets.shared.add("sk-canary-of-this-test")
        let sink = Captured()
        let log = Log(label: "t", level: .info, sink: sink, time: SystemTime())
        log.error(
            "refused: Bearer sk-canary-of-this-test \u{1B}[2J",
            ["object": "s3://b/\(Self.hostile)", "error": "key sk-canary-of-this-test"]
        )
        let line = try #require(sink.lines.withLock { $0.first })
        for bytes in [line.text, line.json] {
            let text = String(decoding: bytes.dropLast(), as: UTF8.self)
            #expect(!text.contains("canary") && text.contains("***"))
            #expect(!text.unicodeScalars.contains { $0.isUnprintable }, "\(text.debugDescription)")
        }
    }

    @Test(arguments: [
        ("http://user:password@host:9200/path", "http://***@host:9200/path"),
        ("https://host/v1?key=secret", "https://host/v1?***"), ("https://a@b:c@host?x@y", "https://***@y"),
        ("no address \u{1B}", "no address \\u{1b}"), ("s3://bucket/prefix", "s3://bucket/prefix"),
    ])
    func aRefusedSettingIsShownWithoutItsPassword(_ value: String, _ shown: String) {
        #expect(SettingsReader.withoutPassword(value) == shown)
    }

    @Test func aRefusedAddressDoesNotReachTheReport() {
        var reader = SettingsReader([
            "OPENSEARCH_URL": "ftp://user:hunter2@host?key=hunter2", "OPENAI_BASE_URL": "http://h/?key=hunter2",
        ])
        _ = CommonConfiguration(&reader)
        let report = reader.problems.joined()
        #expect(report.contains("OPENSEARCH_URL") && !report.contains("hunter2"))
    }
}

import ExtractionWire
import Foundation
import IngestCore
import IngestTestKit
import Testing

/// Time of each stage that works on one document, by class of input and size (`make growth`). The extractor is timed as its parent sees it.
@Suite(.enabled(if: growthReport != nil, "GROWTH_REPORT is not set: 'make growth' sets it"), .serialized)
struct GrowthTests {
    private static let megabytes = [1, 2, 4]

    @Test(arguments: GrowthInput.chosen)
    func everyStage(_ input: GrowthInput) async throws {
        let documents = try await extract(input)
        guard documents.count == Self.megabytes.count else { return }
        let frames = documents.map { ExtractionReply.document($0).encoded }
        try await Self.measure(input, "decode", frames) { _ = try ExtractionReply(decoding: $0) }
        let chunker = Chunker(maximumChunks: 1_000_000)
        let chunks = try await Self.measure(input, "chunk", documents) { try chunker.chunks(of: $0) }
        let packed = try await Self.measure(input, "pack", chunks) {
            Zstandard.compress(ChunkPayload.encode($0.map(ChunkPayload.init)))
        }
        let sets = try await Self.measure(input, "unpack", packed) {
            try ChunkSet(decoding: try #require(Zstandard.decompress($0, maximum: 1 << 30)))
        }
        try await Self.measure(input, "read", sets) { set in
            for index in 0..<set.count { _ = try set.chunk(index) }
        }
        let bodies = try zip(packed, chunks).map { try Self.message($0, $1.count) }
        try await Self.measure(input, "message", bodies) { _ = try ChunkMessage(decoding: $0) }
    }

    /// The documents of each size; none where a limit ends the work early, which is a bound, too.
    private func extract(_ input: GrowthInput) async throws -> [ExtractedDocument] {
        let pool = ExtractorPool(
            ExtractorPool.Settings(
                path: try #require(ProcessInfo.processInfo.environment["GROWTH_EXTRACTOR"]),
                children: 1,
                memoryBytes: 2 << 30,
                deadline: .seconds(120),
                limits: ExtractionLimits(pages: 5000, textBytes: 256 << 20, mainContent: true),
                isSandboxed: true
            )
        )
        let objects = try Self.megabytes.map { size in
            let bytes = input.bytes(size << 20)
            let file = try TemporaryFile(folder: "/tmp")
            #expect(bytes.withUnsafeBytes { file.write($0) } == 0)
            return StoredObject(file: file, bytes: bytes.count, etag: "e")
        }
        let hints = ExtractionHints(name: input.name)
        return try await Self.measure(input, "extract", objects) { object -> ExtractedDocument? in
            do {
                return try await pool.extract(object, hints: hints, tenant: "t")
            } catch let rejection as Rejection {
                #expect(rejection.code != .timeout, "\(input): \(rejection)")
                return nil
            }
        }.compactMap(\.self)
    }

    private static func message(_ packed: [UInt8], _ count: Int) throws -> String {
        return try ChunkMessage(header: .sample(chunkCount: count), payload: .inline(packed)).encoded()
    }

    /// Runs the sizes in turn, so that a slower minute of the machine slows all of them, and reports each round.
    @discardableResult
    private static func measure<Input, Output>(
        _ input: GrowthInput,
        _ stage: String,
        _ inputs: [Input],
        _ body: (Input) async throws -> Output
    ) async throws -> [Output] {
        let clock = ContinuousClock()
        var outputs: [Output] = []
        var total = Duration.zero
        for round in 0..<15 where round < 5 || total < .seconds(2) {
            var seconds: [Double] = []
            outputs = []
            for each in inputs {
                var output: Output?
                let took = try await clock.measure { output = try await body(each) }
                output.map { outputs.append($0) }
                seconds.append(Double(took.components.seconds) + Double(took.components.attoseconds) * 1e-18)
                total += took
            }
            // The first round fills caches and pages.
            if round > 0 { report(input, stage, seconds) }
        }
        return outputs
    }

    private static func report(_ input: GrowthInput, _ stage: String, _ seconds: [Double]) {
        guard let file = fopen(growthReport ?? "", "a") else { return }
        fputs(
            "{\"input\":\"\(input)\",\"stage\":\"\(stage)\",\"megabytes\":\(megabytes),\"seconds\":\(seconds)}\n",
            file
        )
        fclose(file)
    }
}

private let growthReport: String? = ProcessInfo.processInfo.environment["GROWTH_REPORT"]

/// A class of documents, of any size: what ordinary files hold, and what an attacker would try.
struct GrowthInput: Sendable, CustomStringConvertible {
    var description: String
    /// The object's name: its ending chooses a reader where the content does not.
    var name: String
    private var unit: @Sendable (Int) -> String
    private var wrap: @Sendable (String) -> String

    private init(
        _ description: String,
        _ name: String = "a.txt",
        wrap: @escaping @Sendable (String) -> String = { $0 },
        _ unit: @escaping @Sendable (Int) -> String
    ) {
        self.description = description
        self.name = name
        self.unit = unit
        self.wrap = wrap
    }

    /// `count` bytes, about.
    func bytes(_ count: Int) -> [UInt8] {
        var text = ""
        var index = 0
        while text.utf8.count < count {
            text += unit(index)
            index += 1
        }
        return Array(wrap(text).utf8)
    }

    private static func random(_ index: Int, of alphabet: String, _ length: Int) -> String {
        let letters = Array(alphabet)
        var state = UInt64(index) &* 0x9E37_79B9_7F4A_7C15 | 1
        return String(
            (0..<length).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return letters[Int(state >> 33) % letters.count]
            }
        )
    }

    private static let words = "the quick brown fox jumps over a lazy dog while it rains in the hills near "
    private static let base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    private static let cjk = String(String.UnicodeScalarView((0x4E00..<0x4F00).compactMap(Unicode.Scalar.init)))

    /// Those that `GROWTH_ONLY` names, or all.
    static var chosen: [GrowthInput] {
        let names = (ProcessInfo.processInfo.environment["GROWTH_ONLY"] ?? "").split(separator: ",").map(String.init)
        return names.isEmpty ? all : all.filter { names.contains($0.description) }
    }

    private static let all: [GrowthInput] = [
        GrowthInput("one letter") { _ in String(repeating: "a", count: 1000) },
        GrowthInput("no spaces") { random($0, of: "abcdefghijklmnopqrstuvwxyz", 1000) },
        GrowthInput("a sequence of bases") { random($0, of: "ACGT", 1000) },
        GrowthInput("base64") { random($0, of: base64, 1000) },
        GrowthInput("CJK without stops") { random($0, of: cjk, 300) },
        GrowthInput("one line") { _ in words },
        GrowthInput("a ruler") { _ in String(repeating: "=", count: 1000) },
        GrowthInput("letters apart from their marks") { _ in
            "Tie\u{0302}\u{0301}ng Vie\u{0323}\u{0302}t, か\u{3099}\u{1112}\u{1161}\u{11AB}"
        },
        GrowthInput("combining marks") { _ in "e" + String(repeating: "\u{0301}", count: 500) },
        GrowthInput("digits") { random($0, of: "0123456789", 1000) },
        GrowthInput("symbols") { random($0, of: "!\"§$%&/()=?`´*+'#-_.:,;<>|^°", 500) },
        GrowthInput("emoji") { _ in String(repeating: "👩‍👩‍👧‍👦🇩🇪", count: 30) },
        GrowthInput("wide blanks") { _ in "a" + String(repeating: " ", count: 200) + "." },
        GrowthInput("short lines") { "\($0 % 10)\n" },
        GrowthInput("short paragraphs") { "\($0 % 10)\n\n" },
        GrowthInput("sentences") { _ in "It is. So! Is it? " },
        GrowthInput("headings", "a.md") { "# \($0)\n\ntext\n\n" },
        GrowthInput("nested lists", "a.md") { String(repeating: " ", count: $0 % 20) + "- item\n" },
        GrowthInput("nested quotes", "a.md") { String(repeating: "> ", count: $0 % 20) + "quote\n" },
        GrowthInput("emphasis", "a.md") { _ in "*a **b `c _d " },
        GrowthInput("brackets", "a.md") { _ in "[a](b) [c][ ![d" },
        GrowthInput("table", "a.md", wrap: { "|a|b|c|\n|-|-|-|\n" + $0 }) { "|\($0)|x|y|\n" },
        GrowthInput("html paragraphs", "a.html") { "<p>paragraph \($0) of the page</p>\n" },
        GrowthInput("html nested lists", "a.html") { _ in
            String(repeating: "<ul><li>a", count: 40) + String(repeating: "</ul>", count: 40)
        },
        GrowthInput("html open elements", "a.html") { _ in "<b><i><p>a<table><tr><td>" },
        GrowthInput("html deep tables", "a.html") { _ in
            String(repeating: "<table><tr><td>x", count: 20) + String(repeating: "</table>", count: 20)
        },
        GrowthInput("html attributes", "a.html", wrap: { "<p \($0)>text</p>" }) { "a\($0)='\($0)' " },
        GrowthInput("html entities", "a.html") { _ in "&amp;&#x41;&eacute;&nosuch;" },
        GrowthInput("html links", "a.html") { "<a href='https://e.example/\($0)'>link \($0)</a> " },
        GrowthInput("xml", "a.xml", wrap: { "<?xml version='1.0'?><r>\($0)</r>" }) {
            "<a b='c'><d>text \($0)</d></a>\n"
        },
        GrowthInput("json", "a.json", wrap: { "[\($0)0]" }) { "{\"key\($0 % 100)\":[1,\"text \($0)\",{\"a\":null}]}," },
        GrowthInput("json strings", "a.json", wrap: { "\"\($0)\"" }) { _ in "\\u00e9\\n\\\"" },
        GrowthInput("csv", "a.csv", wrap: { "name,place,note\n" + $0 }) { "n\($0),\"a \"\"b\"\"\",c\n" },
        GrowthInput("csv of one row", "a.csv") { "cell \($0)," },
        GrowthInput("rtf", "a.rtf", wrap: { "{\\rtf1\\ansi \($0)}" }) { "{\\b word \($0)}\\par\\u233?\n" },
        GrowthInput("mail", "a.eml", wrap: { "From: a@b.example\r\nSubject: s\r\n\r\n" + $0 }) {
            "> line \($0) of a mail\r\n"
        },
        GrowthInput("mail headers", "a.eml", wrap: { $0 + "\r\ntext\r\n" }) { "X-\($0): value\r\n" },
        GrowthInput(
            "mail parts",
            "a.eml",
            wrap: { "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + $0 + "--b--\r\n" }
        ) {
            "--b\r\nContent-Type: text/plain\r\n\r\npart \($0)\r\n"
        },
    ]
}

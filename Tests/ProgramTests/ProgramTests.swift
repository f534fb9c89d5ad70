import ExtractionWire
import Foundation
import IngestCore
import IngestTestKit
import Testing

/// The built programs as a user meets them.
@Suite struct ProgramTests {
    static let folder = URL(fileURLWithPath: ProcessEnvironment.programFolder)
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
        .standardizedFileURL

    private func run(_ program: String, _ arguments: [String], _ environment: [String: String] = [:]) throws -> (
        code: Int32, out: String, error: String
    ) {
        let process = Process()
        process.executableURL = Self.folder.appendingPathComponent(program)
        process.arguments = arguments
        process.environment = environment
        let (out, error) = (Pipe(), Pipe())
        (process.standardOutput, process.standardError) = (out, error)
        try process.run()
        let output = out.fileHandleForReading.readDataToEndOfFile()
        let errors = error.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (
            process.terminationStatus, String(decoding: output, as: UTF8.self), String(decoding: errors, as: UTF8.self)
        )
    }

    @Test(arguments: ["ingest-worker", "embed-worker", "ingestctl"])
    func versionHelpAndWrongOptions(_ program: String) throws {
        #expect(try run(program, ["--version"]).out == "\(program) \(Program.version)\n")
        let command = program == "ingestctl" ? ["search"] : []
        let help = try run(program, command + ["--help"])
        #expect(help.code == 0 && help.out.contains("--opensearch-url <URL>") && help.out.contains("[OPENSEARCH_URL]"))
        let wrong = try run(program, command + ["--opensearch-ur", "x"])
        #expect(wrong.code == 64 && wrong.error.contains("did you mean --opensearch-url?"))
        #expect(try run(program, command + ["--log-level"]).code == 64)
        #expect(try run(program, ["--help=yes"]).error.contains("takes no value"))
        // Variables that a container may well have.
        let other = try run(program, ["--version"], ["VERSION": "false", "HELP": "true", "LIMIT": "lots"])
        #expect(other.out == "\(program) \(Program.version)\n" && other.error.isEmpty)
        let plain = try run(program, ["--chunk-tokens", "1"], ["VERSION": "true", "CHECK": "true", "HELP": "true"])
        #expect(plain.code != 0 && plain.out.isEmpty)
    }

    @Test func everyProblemIsReportedAtOnce() throws {
        let result = try run(
            "embed-worker",
            [],
            ["CHUNK_TOKENS": "many", "OPENSEARCH_URL": "ftp://x", "LOG_LEVEL": "loud", "OPENSEARCH_INDEX": "No"]
        )
        #expect(result.code == 78)
        for name in [
            "INGEST_QUEUE_URL", "CHUNK_QUEUE_URL", "HANDOVER_BUCKET", "CHUNK_TOKENS", "OPENSEARCH_URL", "LOG_LEVEL",
            "OPENAI_API_KEY", "OPENSEARCH_INDEX",
        ] {
            #expect(result.error.contains("embed-worker: \(name)") || result.error.contains(name), "\(name)")
        }
    }

    @Test func theConfigurationIsPrintedWithoutSecrets() throws {
        let environment = [
            "INGEST_QUEUE_URL": "http://h/q", "CHUNK_QUEUE_URL": "http://h/c", "HANDOVER_BUCKET": "bucket",
            "OPENSEARCH_URL": "http://h:1", "OPENSEARCH_AUTH": "Basic", "OPENSEARCH_USER": "u",
            "OPENAI_API_KEY": "canary-key", "OPENSEARCH_PASSWORD": "canary-password",
        ]
        let result = try run("embed-worker", ["--print-config", "--chunk-tokens", "256"], environment)
        #expect(
            result.code == 0 && result.out.contains("CHUNK_TOKENS=256\n")
                && result.out.contains("OPENAI_API_KEY=(set)\n")
        )
        #expect(!result.out.contains("canary") && !result.error.contains("canary"))
    }

    @Test func theTableOfSettingsIsTheDocumentation() throws {
        let table = try run("ingestctl", ["settings"]).out
        let page = try String(contentsOf: Self.root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
        #expect(page.hasSuffix(table), "docs/configuration.md is not what 'ingestctl settings' prints: run 'make docs'")
    }

    @Test func theTableOfMetricsIsTheDocumentation() throws {
        let table = try run("ingestctl", ["metrics"]).out
        let page = try String(contentsOf: Self.root.appendingPathComponent("docs/telemetry.md"), encoding: .utf8)
        #expect(page.hasSuffix(table), "docs/telemetry.md is not what 'ingestctl metrics' prints: run 'make docs'")
    }

    @Test(arguments: [
        ("ingest-worker", ["poppler", "glib", "tesseract"]), ("embed-worker", ["poppler", "glib", "tesseract"]),
        ("ingestctl", ["poppler", "glib", "tesseract"]), ("document-extractor", ["libcurl", "libssl", "tesseract"]),
    ])
    func programsLinkOnlyWhatTheyMay(_ program: String, _ forbidden: [String]) throws {
        let ldd = Process()
        ldd.executableURL = URL(fileURLWithPath: "/usr/bin/ldd")
        ldd.arguments = [Self.folder.appendingPathComponent(program).path]
        let out = Pipe()
        ldd.standardOutput = out
        try ldd.run()
        let libraries = String(decoding: out.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        ldd.waitUntilExit()
        #expect(libraries.contains("libc.so"))
        for name in forbidden { #expect(!libraries.contains(name), "\(program) links \(name)") }
    }

    /// Poppler's calls reach what stands before them only where the program exports it: else colours are managed again, and invisible text goes unseen.
    @Test func theExtractorExportsItsTuning() throws {
        let names = Process()
        names.executableURL = URL(fileURLWithPath: "/usr/bin/nm")
        names.arguments = ["-D", Self.folder.appendingPathComponent("document-extractor").path]
        let out = Pipe()
        names.standardOutput = out
        try names.run()
        let symbols = String(decoding: out.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        names.waitUntilExit()
        #expect(symbols.contains(" T cmsCreateTransform") && symbols.contains(" T _ZN3Gfx15opSetTextRenderEP6Objecti"))
    }

    @Test func invisibleTextAndTheLanguageOfAPDFAreTold() async throws {
        func pdf(_ mode: Int) -> [UInt8] {
            let content = "BT \(mode) Tr /F 12 Tf 20 20 Td (a line of text) Tj ET"
            let resources = "/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>"
            return Array(
                """
                %PDF-1.4
                1 0 obj<</Type/Catalog/Pages 2 0 R/Lang(de-CH)>>endobj
                2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
                3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R\(resources)>>endobj
                4 0 obj<</Length \(content.utf8.count)>>stream
                \(content)
                endstream endobj
                trailer<</Root 1 0 R>>
                %%EOF
                """.utf8
            )
        }
        let pool = pool()
        let shown = try await pool.extract(try stored(pdf(0)), hints: ExtractionHints(), tenant: "t")
        let hidden = try await pool.extract(try stored(pdf(3)), hints: ExtractionHints(), tenant: "t")
        #expect(shown.notes.flags.isEmpty && shown.language == "de-CH")
        #expect(hidden.notes.flags == ["hidden_text"] && hidden.text == shown.text)
    }

    private func pool(seconds: Int = 5, memory: Int = 512 << 20, sandboxed: Bool = true) -> ExtractorPool {
        ExtractorPool(
            .init(
                path: Self.folder.appendingPathComponent("document-extractor").path,
                children: 1,
                memoryBytes: memory,
                deadline: .seconds(seconds),
                limits: ExtractionLimits(),
                isSandboxed: sandboxed
            )
        )
    }

    private func stored(_ bytes: [UInt8]) throws -> StoredObject {
        let file = try TemporaryFile(folder: "/tmp")
        _ = bytes.withUnsafeBytes { file.write($0) }
        return StoredObject(file: file, bytes: bytes.count, etag: "e")
    }

    @Test func theSandboxHoldsAndItsAbsenceIsNoticed() throws {
        #expect(try pool().probe() >= 0)
        #expect(throws: Never.self) { try pool(sandboxed: false).probe() }
    }

    @Test(.tags(.long)) func oneHostileFileCostsOneDocument() async throws {
        let pool = pool()
        let good = try stored(Array("a good text".utf8))
        #expect(
            try await pool.extract(good, hints: ExtractionHints(name: "a.txt"), tenant: "t").text
                == Array("a good text".utf8)
        )
        // XObjects that draw each other ten times, nine levels deep: poppler would draw for hours.
        await #expect {
            _ = try await pool.extract(try stored(Self.laughs), hints: ExtractionHints(), tenant: "t")
        } throws: {
            error in
            [.timeout, .memory].contains((error as? Rejection)?.code)
        }
        #expect(try await pool.extract(good, hints: ExtractionHints(name: "a.txt"), tenant: "t").format == .text)
    }

    static var laughs: [UInt8] {
        var objects = [
            "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[3 0 R]>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<</XObject<</A 5 0 R>>>>/Contents 4 0 R>>",
        ]
        let draws = String(repeating: "/A Do ", count: 10)
        objects.append("<</Length \(draws.count)>>\nstream\n\(draws)\nendstream")
        for level in 0..<12 {
            let next = level < 11 ? "/Resources<</XObject<</A \(level + 6) 0 R>>>>" : ""
            let body = level < 11 ? draws : "0 0 1 1 re f"
            objects.append(
                "<</Type/XObject/Subtype/Form/BBox[0 0 9 9]\(next)/Length \(body.count)>>\nstream\n\(body)\nendstream"
            )
        }
        var text = "%PDF-1.4\n"
        for (index, object) in objects.enumerated() { text += "\(index + 1) 0 obj\n\(object)\nendobj\n" }
        return Array((text + "trailer<</Root 1 0 R>>\n%%EOF\n").utf8)
    }
}

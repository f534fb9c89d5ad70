import DocumentExtraction
import ExtractionWire
import Foundation
import Testing

/// Objects as people store them: compressed, with or without a word about it.
@Suite struct ContentEncodingTests {
    static let page =
        "<!DOCTYPE html><html><head><title>Lamp</title></head><body><main><p>The mercury is skimmed each morning.</p></main></body></html>"

    private func read(_ bytes: [UInt8], name: String = "", type: String = "", encoding: String = "") throws
        -> ExtractedDocument
    {
        try bytes.withUnsafeBytes {
            let hints = ExtractionHints(name: name, contentType: type, contentEncoding: encoding)
            return try DocumentReader.read($0, hints: hints, limits: ExtractionLimits())
        }
    }

    /// What a program makes of the text.
    private func packed(_ code: String, _ text: String = page) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "python3", "-c", "import sys,gzip,zlib\nd=sys.stdin.buffer.read()\nsys.stdout.buffer.write(\(code))",
        ]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        input.fileHandleForWriting.write(Data(text.utf8))
        try input.fileHandleForWriting.close()
        let bytes = Array(output.fileHandleForReading.readDataToEndOfFile())
        process.waitUntilExit()
        return bytes
    }

    @Test(arguments: [
        ("gzip.compress(d)", "page.html", "text/html", "gzip"), ("gzip.compress(d)", "page.html.gz", "", ""),
        ("gzip.compress(d)", "page", "text/html", ""), ("gzip.compress(d)", "page", "application/gzip", ""),
        ("gzip.compress(d[:50])+gzip.compress(d[50:])", "page.html.gz", "", ""),
        ("zlib.compress(d)", "page.html", "text/html", "deflate"),
        ("zlib.compress(d)[2:-4]", "page.html", "text/html", "deflate"),
        ("d", "page.html", "text/html", "gzip"), ("gzip.compress(d)", "page.html", "text/html", "aws-chunked, gzip"),
    ])
    func oneLevelIsUnfolded(_ code: String, _ name: String, _ type: String, _ encoding: String) throws {
        let document = try read(try packed(code), name: name, type: type, encoding: encoding)
        #expect(document.format == .html && document.title == "Lamp")
        #expect(String(decoding: document.text, as: UTF8.self).contains("mercury is skimmed"))
    }

    @Test(arguments: [
        ("gzip.compress(gzip.compress(d))", "unsupported"), ("gzip.compress(d)[:40]", "malformed"),
        ("gzip.compress(b'a'*300_000_000)", "output_limit"),
    ])
    func theLimitsAreThoseOfContainers(_ code: String, _ reason: String) throws {
        do {
            _ = try read(try packed(code), name: "x.gz")
            Issue.record("accepted")
        } catch let rejection as Rejection {
            #expect(rejection.code.name == reason)
        }
    }
}

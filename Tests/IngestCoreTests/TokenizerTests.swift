import Foundation
import IngestCore
import IngestTestKit
import Testing

@Suite struct TokenizerTests {
    /// Known counts: tiktoken 0.14, cl100k_base, encode_ordinary.
    @Test(arguments: [
        ("", 0), ("hello world", 2), ("<|endoftext|>", 7), ("    x", 2), ("a\n\n\nb", 3), ("I'll don't WE'VE", 7),
        ("1234567", 3),
        ("日本語のテキスト", 8), ("\u{1F600}", 2), ("tiktoken is great!", 6),
    ])
    func counts(_ text: String, _ expected: Int) {
        #expect(Tokenizer.cl100k.count(text) == expected)
    }

    private struct Case: Decodable {
        var bytes: String
        var count: Int
    }

    /// Strings of all scripts, specials, broken UTF-8 and the corpora, counted by tiktoken; the file is made by Tests/tiktoken_cases.py.
    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["TIKTOKEN_CASES"] != nil,
            "TIKTOKEN_CASES is not set: 'make test' sets it"
        )
    )
    func equalsTiktoken() throws {
        let path = try #require(ProcessInfo.processInfo.environment["TIKTOKEN_CASES"])
        let lines = try Data(contentsOf: URL(fileURLWithPath: path)).split(separator: 0x0A)
        #expect(lines.count >= 10_000)
        var different = 0
        for line in lines {
            let item = try JSONDecoder().decode(Case.self, from: line)
            let bytes = try #require(Data(base64Encoded: item.bytes))
            if Tokenizer.cl100k.count(String(decoding: bytes, as: UTF8.self)) != item.count { different += 1 }
        }
        #expect(different == 0, "\(different) of \(lines.count) strings have another count")
    }

    @Test func longPiecesOfEveryKindAgreeWithTheirParts() {
        // Letters 'a' merge the same way whatever the algorithm: the scan (below 256 bytes) and the heap (above) must meet at the edge.
        let counts = (250...262).map { Tokenizer.cl100k.count(String(repeating: "a", count: $0)) }
        for (left, right) in zip(counts, counts.dropFirst()) { #expect(abs(left - right) <= 8) }
        #expect(Tokenizer.cl100k.count(String(repeating: "a", count: 1_000_000)) == 125_000)
    }

    @Test func prefixNeverIsEmptyAndKeepsItsBudget() {
        for text in [
            "hello world, this is a longer text", String(repeating: "x", count: 5000),
            "日本語" + String(repeating: "語", count: 900),
        ] {
            for budget in [1, 5, 50] {
                var bytes = Array(text.utf8)
                let end = bytes.withUnsafeBufferPointer { Tokenizer.cl100k.prefix(of: $0, tokens: budget) }
                #expect(end > 0 && String(validating: bytes[..<end], as: UTF8.self) != nil)
                bytes.removeLast(bytes.count - end)
                #expect(Tokenizer.cl100k.count(String(decoding: bytes, as: UTF8.self)) <= max(budget, 4))
            }
        }
    }
}

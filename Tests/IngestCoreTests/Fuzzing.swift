import AsyncPrimitives
import Foundation
import HTTPTransport
import Testing

/// What `make fuzz` sets, and where it reads the figures.
enum Fuzzing {
    static let inputs = setting("FUZZ_INPUTS") ?? 5000
    static let seed = UInt64(setting("FUZZ_SEED") ?? 1)

    private static func setting(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }

    /// Hardly anything read, or everything, would mean that the mutations miss the parser.
    static func report(_ name: String, _ read: Int, _ refused: Int) throws {
        #expect(read > refused / 1000 && refused > read / 1000)
        guard let path = ProcessInfo.processInfo.environment["FUZZ_REPORT"] else { return }
        let line = "{\"parser\":\"\(name)\",\"read\":\(read),\"refused\":\(refused)}\n"
        let file = fopen(path, "a")
        fputs(line, file)
        fclose(file)
    }
}

/// The same answer to everything; remembers nothing.
struct ScriptedAnswer: HTTPClient {
    let answer: LockedValue<HTTPResponse>

    init(_ answer: LockedValue<HTTPResponse>) { self.answer = answer }

    func execute(_ request: HTTPRequest) async throws -> HTTPResponse { answer.withLock { $0 } }
}

/// Flips, cuts, doubles and crosses what parsers know, and throws in what they stumble over.
struct Mutator {
    private var state: UInt64
    private let corpus: [[UInt8]]
    private static let traps = [
        "\0", "\u{FFFE}", "{", "}", "[", "]", "\"", "\\u0000", "\\ud800", "null", "-0", "1e999",
        "99999999999999999999", "-9223372036854775808", "&#0;",
        "&lt;", "<![CDATA[", "]]>", "<!--", "<a>", "</", "%", "%ZZ", "%FF", "+", "\u{202E}", "💥",
        String(repeating: "[", count: 600),
        String(repeating: "<a>", count: 600), String(repeating: "{\"Records\":", count: 600),
        String(repeating: "A", count: 5000),
    ].map { Array($0.utf8) }

    init(seed: UInt64, corpus: [[UInt8]]) {
        state = seed
        self.corpus = corpus
    }

    private mutating func draw(_ count: Int) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return Int((z ^ (z >> 31)) % UInt64(max(count, 1)))
    }

    mutating func status() -> Int { [200, 200, 200, 200, 200, 400, 403, 404, 413, 429, 503][draw(11)] }

    mutating func next() -> [UInt8] {
        var bytes = corpus[draw(corpus.count)]
        for _ in 0...draw(4) {
            let place = draw(bytes.count)
            switch draw(8) {
            case 7: replaceNumber(in: &bytes, from: place)
            case 0 where !bytes.isEmpty: bytes[place] ^= UInt8(1 << draw(8))
            case 1 where !bytes.isEmpty: bytes[place] = UInt8(draw(256))
            case 2: bytes.removeSubrange(place..<min(bytes.count, place + draw(40)))
            case 3: bytes.insert(contentsOf: Self.traps[draw(Self.traps.count)], at: place)
            case 4:
                bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + draw(200))], at: draw(bytes.count))
            case 5: bytes.removeLast(draw(bytes.count))
            default:
                let other = corpus[draw(corpus.count)]
                let from = draw(other.count)
                bytes.replaceSubrange(place..., with: other[from...])
            }
        }
        return bytes
    }

    /// Another number where one is: the extremes of the types that numbers are read into.
    private mutating func replaceNumber(in bytes: inout [UInt8], from place: Int) {
        guard let start = bytes[place...].firstIndex(where: { (0x30...0x39).contains($0) }) else { return }
        let end = bytes[start...].firstIndex { !(0x30...0x39).contains($0) } ?? bytes.count
        bytes.replaceSubrange(start..<end, with: Self.numbers[draw(Self.numbers.count)])
    }

    private static let numbers = [
        "-1", "0", "255", "256", "2147483647", "2147483648", "-2147483649", "4294967296", "9007199254740993",
        "9223372036854775807",
        "9223372036854775808", "-9223372036854775808", "18446744073709551616", "1e300", "-1e300", "1e-300", "nan",
        "inf", "0.1",
    ].map { Array($0.utf8) }
}

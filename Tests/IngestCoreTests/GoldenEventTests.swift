import Foundation
import IngestCore
import Testing

/// One file for every envelope and version; `expected.json` says what each must be read as.
@Suite struct GoldenEventTests {
    enum Expected: Decodable, Equatable {
        case changes([Change])
        /// `test`, or `unreadable`.
        case kind(String)

        struct Change: Decodable, Equatable {
            var bucket: String
            var key: String
            var event: String
            var sequencer: String?
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let kind = try? container.decode(String.self) {
                self = .kind(kind)
            } else {
                self = .changes(try container.decode([Change].self))
            }
        }
    }

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "Events"
    )
    static let expected: [String: Expected] = {
        let data = try! Data(contentsOf: folder.appendingPathComponent("expected.json"))
        return try! JSONDecoder().decode([String: Expected].self, from: data)
    }()

    @Test(arguments: expected.keys.sorted()) func isReadAsExpected(_ name: String) throws {
        let body = try String(contentsOf: Self.folder.appendingPathComponent("\(name).json"), encoding: .utf8)
        let found: Expected
        do {
            switch try EventParser.parse(body) {
            case .test: found = .kind("test")
            case .changes(let changes):
                found = .changes(
                    changes.map {
                        Expected.Change(
                            bucket: $0.object.bucket,
                            key: $0.object.key,
                            event: $0.event,
                            sequencer: $0.sequencer
                        )
                    }
                )
            }
        } catch {
            found = .kind("unreadable")
        }
        #expect(found == Self.expected[name])
    }

    @Test func everyFileIsExpected() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        let names = files.filter { $0 != "expected.json" }.map { String($0.dropLast(5)) }
        #expect(Set(names) == Set(Self.expected.keys) && names.count >= 20)
    }
}

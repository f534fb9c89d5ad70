import FoundationEssentials
import IngestCore
import Resilience

/// How far a verification came. It is of one pipeline and one list of buckets.
struct CheckpointFile {
    private struct Content: Codable {
        var index: String
        var addresses: [String]
        var bucket: Int
        var key: String?
        var summary: VerificationSummary
    }

    private let path: String
    private var content: Content

    /// - Parameter path: empty for none.
    init(_ path: String, _ index: String, _ addresses: [ObjectAddress]) {
        self.path = path
        let names = addresses.map(\.description)
        content = Content(index: index, addresses: names, bucket: 0, key: nil, summary: VerificationSummary())
        guard !path.isEmpty, let bytes = LocalFiles().contents(path),
            let stored = try? JSONDecoder().decode(Content.self, from: Data(bytes)), stored.index == index,
            stored.addresses == names
        else { return }
        content = stored
    }

    var bucket: Int { content.bucket }
    var key: String? { content.key }
    var summary: VerificationSummary { content.summary }

    mutating func write(bucket: Int, key: String?, _ summary: VerificationSummary) throws(Failure) {
        guard !path.isEmpty else { return }
        (content.bucket, content.key, content.summary) = (bucket, key, summary)
        do {
            try JSONEncoder().encode(content).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw .fleet("the checkpoint cannot be written: \(path) (--checkpoint)")
        }
    }

    /// It came to the end.
    func remove() {
        if !path.isEmpty { try? FileManager.default.removeItem(atPath: path) }
    }
}

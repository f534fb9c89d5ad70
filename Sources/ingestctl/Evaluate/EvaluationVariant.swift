import IngestCore
import TextCoding

/// One way to search: what is compared.
struct EvaluationVariant: Sendable {
    var name: String
    var mode: ChunkSearch.Mode
    var join: SearchJoin?
    var depth: Int
    /// Another pipeline's index or fingerprint; empty for what readers see.
    var pipeline = ""

    /// - Parameter text: `name=value` apart by commas: `mode=text`, `join=rrf`, `weight=70`, `depth=50`, `index=b6cc25488bf0`.
    init?(_ text: String, like base: EvaluationVariant) {
        self = base
        name = String(text.trimmed)
        for part in text.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1).map { String($0.trimmed) }
            guard pair.count == 2 else { return nil }
            switch pair[0] {
            case "mode":
                guard let mode = ChunkSearch.Mode(rawValue: pair[1]) else { return nil }
                self.mode = mode
            case "join":
                guard let technique = SearchJoin.Technique(rawValue: pair[1]) else { return nil }
                join = SearchJoin(technique, vectorWeight: join?.vectorWeight ?? SearchJoin().vectorWeight)
            case "weight":
                guard let weight = Int(pair[1]), (0...100).contains(weight) else { return nil }
                join = SearchJoin(join?.technique ?? .minMax, vectorWeight: weight)
            case "depth":
                guard let depth = Int(pair[1]), (10...1000).contains(depth) else { return nil }
                self.depth = depth
            case "index": pipeline = pair[1]
            default: return nil
            }
        }
    }

    init(mode: ChunkSearch.Mode, join: SearchJoin?, depth: Int, pipeline: String) {
        (self.mode, self.join, self.depth, self.pipeline) = (mode, join, depth, pipeline)
        name = mode.rawValue + (join.map { " \($0.technique.rawValue) \($0.vectorWeight)" } ?? "")
    }
}

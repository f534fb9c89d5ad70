import AsyncPrimitives
import ExtractionWire
import IngestCore
import Testing

/// An edit changes the chunks beside it: every chunk that changes is paid for again.
@Suite(.serialized) struct ChunkLocalityTests {
    private static let words =
        ("tide lamp harbour keeper mercury bell fog pilot anchor ledger chart signal winter storm ferry island rope sail engine cargo north quiet "
        + "which under after before light number seven crew watch night").split(separator: " ").map(String.init)

    /// A hundred pages and more, of paragraphs of all lengths, of lines of one length, or with a heading now and then.
    enum Shape: CaseIterable { case paragraphs, lines, headings, longParagraphs }

    private static func text(_ shape: Shape, _ random: inout SplitMix) -> String {
        let range =
            switch shape {
            case .paragraphs, .headings: 10..<160
            case .lines: 14..<17
            case .longParagraphs: 150..<500
            }
        let count = Int.random(in: range, using: &random)
        var sentences = ""
        for place in 0..<count {
            sentences += words.randomElement(using: &random) ?? ""
            sentences += place % 13 == 12 && shape != .lines ? ". " : " "
        }
        return sentences + "end."
    }

    private static func blocks(_ shape: Shape, _ random: inout SplitMix) -> [(Block.Kind, UInt8, String)] {
        let count = shape == .lines ? 4000 : shape == .longParagraphs ? 180 : 700
        return (0..<count).map { place in
            if shape == .headings, place % 23 == 0 { return (.heading, UInt8(2), "Section \(place)") }
            return (.paragraph, 0, text(shape, &random))
        }
    }

    @Test(arguments: Shape.allCases, [ChunkingSettings.Strategy.structure, .parentChild])
    func anEditChangesThreeChunksAtMost(_ shape: Shape, _ strategy: ChunkingSettings.Strategy) throws {
        let tokens = strategy == .parentChild ? 128 : 256
        let chunker = Chunker(ChunkingSettings(strategy, tokens: tokens, overlap: strategy == .parentChild ? 0 : 32))
        var changes: [Int] = []
        for seed in 0..<10 {
            var random = SplitMix(state: UInt64(seed) &* 0x9E37_79B9)
            let before = Self.blocks(shape, &random)
            let known = Set(try chunker.chunks(of: ChunkerTests.text(before)).map(\.contentHash))
            for kind in 0..<3 {
                var after = before
                let place = Int.random(in: 1..<after.count - 1, using: &random)
                guard after[place].0 == .paragraph else { continue }
                switch kind {
                case 0: after[place].2 = Self.text(shape, &random)
                case 1: after.remove(at: place)
                default: after.insert((.paragraph, 0, Self.text(shape, &random)), at: place)
                }
                let chunks = try chunker.chunks(of: ChunkerTests.text(after))
                changes.append(chunks.count { !known.contains($0.contentHash) })
            }
        }
        changes.sort()
        // Small chunks: a long paragraph alone has four or five.
        let few = strategy == .structure ? 3 : shape == .longParagraphs ? 5 : 4
        #expect(changes.count { $0 <= few } * 100 >= changes.count * 92, "\(changes.suffix(8))")
        #expect(changes.last ?? 0 <= 6, "\(changes.suffix(8))")
    }
}

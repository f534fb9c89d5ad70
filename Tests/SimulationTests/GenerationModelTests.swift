import IngestTestKit
import Testing

/// The bounds within which everything is explored; each mistake in the rules is within reach of one of them.
@Suite struct GenerationModelTests {
    static let all: [GenerationModel.Bounds] = [
        GenerationModel.Bounds(ingest: 2),
        GenerationModel.Bounds(embed: 2, crashes: 1, rejects: 1),
        GenerationModel.Bounds(embed: 2, changes: [1, 2, 0], duplicates: 1),
        GenerationModel.Bounds(crashes: 1, losses: 1),
        GenerationModel.Bounds(ingest: 2, changes: [1, 0, 2], crashes: 1),
        GenerationModel.Bounds(embed: 2, changes: [1, 2], duplicates: 1, repairs: 1),
        GenerationModel.Bounds(changes: [1, 2], crashes: 1, rejects: 1, repairs: 1),
        GenerationModel.Bounds(ingest: 2, changes: [1, 0], repairs: 2),
    ]

    // Minutes without optimization: `swift test` alone explores the smallest bounds, `make test` (release) all.
    #if DEBUG
    static let explored = Array(all.prefix(1))
    #else
    static let explored = all
    #endif

    @Test(.tags(.long), arguments: explored) func everyInterleavingConverges(_ bounds: GenerationModel.Bounds) {
        var model = GenerationModel(bounds)
        let violation = model.explore()
        print("\(bounds): \(model.stateCount) states")
        #expect(violation == nil)
    }
}

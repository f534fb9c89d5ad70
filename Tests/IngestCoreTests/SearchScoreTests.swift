import IngestCore
import Testing

/// Measures of a ranking, against figures that were computed by hand.
@Suite struct SearchScoreTests {
    private func close(_ left: Double, _ right: Double) -> Bool { abs(left - right) < 1e-4 }

    @Test func aPerfectRankingScoresOne() {
        let score = SearchScore(ranking: ["a", "b", "c"], grades: ["a": 2, "b": 1])
        #expect(close(score.ndcg, 1) && close(score.recall, 1) && close(score.reciprocalRank, 1))
    }

    @Test func laterPlacesAreDiscounted() {
        // 1/log2(3) + 3/log2(4) over 3 + 1/log2(3).
        let score = SearchScore(ranking: ["x", "one", "three"], grades: ["one": 1, "three": 3])
        #expect(close(score.ndcg, (0.63093 + 1.5) / (3 + 0.63093)) && close(score.reciprocalRank, 0.5))
    }

    @Test func whatIsNotFoundCountsForRecall() {
        let score = SearchScore(ranking: ["a", "x"], grades: ["a": 1, "b": 1, "c": 1, "d": 0])
        #expect(close(score.recall, 1.0 / 3))
        #expect(SearchScore(ranking: [], grades: ["a": 1]) == SearchScore(ranking: ["x"], grades: ["a": 1]))
    }

    @Test func aDocumentCountsOnceAtItsFirstPlace() {
        let score = SearchScore(ranking: ["a", "a", "a", "b"], grades: ["a": 1, "b": 1])
        #expect(close(score.ndcg, 1) && close(score.recall, 1))
    }

    @Test func onlyTheFirstTenCountForGain() {
        let ranking = (0..<10).map { "x\($0)" } + ["a"]
        let score = SearchScore(ranking: ranking, grades: ["a": 1])
        #expect(score.ndcg == 0 && close(score.recall, 1) && close(score.reciprocalRank, 1.0 / 11))
    }

    @Test func namesAreBytes() {
        #expect(SearchScore(ranking: ["s3://b/e\u{301}"], grades: ["s3://b/é": 1]).recall == 0)
    }
}

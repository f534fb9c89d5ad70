import AsyncPrimitives
import IngestCore
import Testing

/// Measures of a ranking, against figures that were computed by hand.
@Suite struct SearchScoreTests {
    private func close(_ left: Double, _ right: Double) -> Bool { abs(left - right) < 1e-4 }

    private func score(_ ranking: [[Int]], _ grades: [Int], limit: Int = 10, budgets: [Int] = []) -> SearchScore {
        SearchScore(
            ranking.map { SearchScore.Hit(right: $0, tokens: 100) },
            grades: grades,
            limit: limit,
            budgets: budgets
        )
    }

    @Test func aPerfectRankingScoresOne() {
        let perfect = score([[0], [1], []], [2, 1])
        #expect(close(perfect.ndcg, 1) && close(perfect.recall, 1) && close(perfect.reciprocalRank, 1))
    }

    @Test func laterPlacesAreDiscounted() {
        // 1/log2(3) + 3/log2(4) over 3 + 1/log2(3).
        let late = score([[], [0], [1]], [1, 3])
        #expect(close(late.ndcg, (0.63093 + 1.5) / (3 + 0.63093)) && close(late.reciprocalRank, 0.5))
    }

    @Test func whatIsNotFoundCountsForRecall() {
        #expect(close(score([[0], []], [1, 1, 1]).recall, 1.0 / 3))
        #expect(score([], [1]) == score([[]], [1]))
        #expect(close(score([[], [], [0]], [1], limit: 2).recall, 0))
    }

    @Test func whatIsRightCountsOnceAtItsFirstPlace() {
        let repeated = score([[0], [0], [0], [1]], [1, 1])
        // 1 + 1/log2(5) over 1 + 1/log2(3).
        #expect(close(repeated.ndcg, (1 + 0.43068) / (1 + 0.63093)) && close(repeated.recall, 1))
    }

    @Test func onlyTheFirstTenCountForGain() {
        let eleventh = score([[Int]](repeating: [], count: 10) + [[0]], [1], limit: 20)
        #expect(eleventh.ndcg == 0 && close(eleventh.recall, 1) && close(eleventh.reciprocalRank, 1.0 / 11))
    }

    /// The first hit counts however long it is: a reader gets it.
    @Test func budgetsCountTokens() {
        let four = score([[0], [], [1], [2]], [1, 1, 1, 1], budgets: [50, 300, 399, 400])
        #expect(four.budgets == [0.25, 0.5, 0.5, 0.75])
    }

    private func compared(_ count: Int, _ first: (Int) -> Double, _ second: (Int) -> Double) -> PairedTest {
        PairedTest((0..<count).map { (first: first($0), second: second($0)) }, random: .seeded(7))
    }

    @Test func aDifferenceIsMoreThanChance() {
        let same = compared(200) {
            Double($0 % 3)
        } _: {
            Double(($0 + 1) % 3)
        }
        #expect(!same.isSignificant && same.probability > 0.05)
        let better = compared(200) {
            Double($0 % 3)
        } _: {
            Double($0 % 3) + 0.1
        }
        #expect(better.isSignificant && better.probability < 0.01 && close(better.difference, 0.1))
        let worse = compared(50) {
            Double($0 % 5)
        } _: {
            Double($0 % 5 - $0 % 2)
        }
        #expect(worse.isSignificant && worse.interval.upperBound < 0)
        #expect(
            compared(0) { _ in
                0
            } _: { _ in
                0
            }.probability == 1
        )
    }
}

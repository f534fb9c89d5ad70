import Glibc

/// How well one ranking answers a question of which it is known what is right.
package struct SearchScore: Equatable, Sendable {
    /// Normalized discounted cumulative gain of the first ten (Järvelin and Kekäläinen 2002), with linear gains as trec_eval has them.
    package var ndcg: Double
    /// Share of what is right among the first hits, `limit` of them.
    package var recall: Double
    /// One over the rank of the first right hit; 0 where none was found.
    package var reciprocalRank: Double
    /// Share of what is right in the first hits that together have so many tokens, for each budget.
    package var budgets: [Double]

    private static let depth = 10

    /// One hit: what of the right things it is or has, as places in `grades`, and its tokens.
    package struct Hit: Equatable, Sendable {
        package var right: [Int]
        package var tokens: Int

        package init(right: [Int], tokens: Int) { (self.right, self.tokens) = (right, tokens) }
    }

    /// - Parameters:
    ///   - hits: the best first. What is right counts once, at its first place.
    ///   - grades: how right each thing is, above 0.
    ///   - budgets: in tokens, ascending.
    package init(_ hits: [Hit], grades: [Int], limit: Int = 10, budgets: [Int] = []) {
        var seen: Set<Int> = []
        var gains: [Int] = []
        var (tokens, early) = (0, 0)
        var found = [Int](repeating: 0, count: budgets.count)
        for hit in hits {
            let new = hit.right.filter { seen.insert($0).inserted }
            // The best of a hit's right things is its gain; an answer that was there before gains nothing.
            gains.append(new.map { grades[$0] }.max() ?? 0)
            tokens += hit.tokens
            if gains.count <= limit { early = seen.count }
            for (place, budget) in budgets.enumerated() where tokens <= budget || gains.count == 1 {
                found[place] = seen.count
            }
        }
        let ideal = grades.sorted(by: >)
        let best = Self.discounted(ideal)
        ndcg = best > 0 ? min(1, Self.discounted(gains) / best) : 0
        recall = grades.isEmpty ? 0 : Double(early) / Double(grades.count)
        reciprocalRank = gains.firstIndex { $0 > 0 }.map { 1 / Double($0 + 1) } ?? 0
        self.budgets = found.map { grades.isEmpty ? 0 : Double($0) / Double(grades.count) }
    }

    package init(ndcg: Double, recall: Double, reciprocalRank: Double, budgets: [Double]) {
        (self.ndcg, self.recall, self.reciprocalRank, self.budgets) = (ndcg, recall, reciprocalRank, budgets)
    }

    private static func discounted(_ gains: [Int]) -> Double {
        gains.prefix(depth).enumerated().reduce(0) { $0 + Double($1.element) / log2(Double($1.offset) + 2) }
    }
}

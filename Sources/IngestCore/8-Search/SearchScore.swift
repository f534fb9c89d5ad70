import Glibc

/// How well one ranking answers a question whose relevant documents are known.
package struct SearchScore: Equatable, Sendable {
    /// Normalized discounted cumulative gain of the first ten (Järvelin and Kekäläinen 2002), with linear gains as trec_eval has them.
    package var ndcg: Double
    /// Share of the relevant documents among the first `limit`.
    package var recall: Double
    /// One over the rank of the first relevant document; 0 where none was found.
    package var reciprocalRank: Double

    private static let depth = 10

    /// - Parameters:
    ///   - ranking: names of documents, the best first. A name counts once, at its first place.
    ///   - grades: how relevant documents are, above 0.
    package init(ranking: [String], grades: [String: Int]) {
        var seen: Set<[UInt8]> = []
        let gains = ranking.compactMap { name -> Int? in
            // Names are bytes: two spellings of the same letters are two documents.
            seen.insert(Array(name.utf8)).inserted ? max(0, Self.grade(of: name, in: grades)) : nil
        }
        let ideal = grades.values.filter { $0 > 0 }.sorted(by: >)
        let best = Self.discounted(ideal)
        ndcg = best > 0 ? Self.discounted(gains) / best : 0
        recall = ideal.isEmpty ? 0 : Double(gains.count { $0 > 0 }) / Double(ideal.count)
        reciprocalRank = gains.firstIndex { $0 > 0 }.map { 1 / Double($0 + 1) } ?? 0
    }

    private static func grade(of name: String, in grades: [String: Int]) -> Int {
        guard let found = grades.index(forKey: name), grades[found].key.utf8.elementsEqual(name.utf8) else { return 0 }
        return grades[found].value
    }

    private static func discounted(_ gains: [Int]) -> Double {
        gains.prefix(depth).enumerated().reduce(0) { $0 + Double($1.element) / log2(Double($1.offset) + 2) }
    }
}

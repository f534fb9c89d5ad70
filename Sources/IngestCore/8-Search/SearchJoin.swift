import TextCoding

/// How the scores of the words' half and the vectors' half of a hybrid query become one.
package struct SearchJoin: Equatable, Sendable {
    /// The values are those of SEARCH_JOIN.
    package enum Technique: String, CaseIterable, Sendable {
        /// Each half's scores from 0 to 1 over its candidates, then their weighted mean.
        case minMax = "min-max"
        /// Each half's scores over the length of the vector that they are, then their weighted mean.
        case l2 = "l2"
        /// Reciprocal rank fusion (Cormack, Clarke and Büttcher 2009) with a rank constant of 60; weights play no part.
        case rrf = "rrf"
    }

    package var technique = Technique.minMax
    /// Of the vectors' half, in percent; the words' half has the rest.
    package var vectorWeight = 50

    package init(_ technique: Technique = .minMax, vectorWeight: Int = 50) {
        (self.technique, self.vectorWeight) = (technique, vectorWeight)
    }

    /// The body of a search pipeline; OpenSearch 2.10 and later, `rrf` 2.19 and later.
    package func write(_ json: inout JSONWriter) {
        json.field("description", "hybrid search over chunks: words, then vectors")
        json.key("phase_results_processors")
        json.array { processors in
            processors.object { processor in
                if technique == .rrf {
                    processor.object("score-ranker-processor") { step in
                        step.object("combination") { $0.field("technique", "rrf") }
                    }
                    return
                }
                processor.object("normalization-processor") { step in
                    step.object("normalization") { $0.field("technique", technique == .l2 ? "l2" : "min_max") }
                    step.object("combination") { combination in
                        combination.field("technique", "arithmetic_mean")
                        combination.object("parameters") { parameters in
                            parameters.key("weights")
                            parameters.array {
                                $0.number(Double(100 - vectorWeight) / 100)
                                $0.number(Double(vectorWeight) / 100)
                            }
                        }
                    }
                }
            }
        }
    }
}

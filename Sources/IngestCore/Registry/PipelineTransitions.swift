/// What an operator may do to a pipeline, and what speaks against it. Commands ask here, and the simulation of two pipelines does.
package enum PipelineTransitions {
    /// Why readers should not see the pipeline yet; empty where they may.
    ///
    /// - Parameters:
    ///   - found: what a verification of it just now has found.
    ///   - live: its live documents, and those of the pipeline that is read.
    package static func problemsOfSwitch(
        _ pipeline: PipelineRecord,
        found: VerificationSummary,
        live: (ours: Int, theirs: Int, index: String)?
    ) -> [String] {
        var problems = found.differences.sorted { $0.key < $1.key }.map { kind, count in
            "verify finds \(count) \(kind) ('ingestctl verify --pipeline \(pipeline.fingerprint)' lists them)"
        }
        if let live, live.ours < live.theirs {
            problems.append("\(pipeline.index) has \(live.ours) live documents, and \(live.index) has \(live.theirs)")
        }
        return problems
    }

    /// Why a pipeline cannot be retired; nil where it can.
    ///
    /// - Parameter readers: the indexes that the alias reads.
    package static func problemOfRetirement(_ pipeline: PipelineRecord, readers: [String]) -> String? {
        guard readers.contains(pipeline.index) || pipeline.state == .live else { return nil }
        return "readers of \(pipeline.alias) see \(pipeline.index): 'ingestctl switch' to another one first"
    }
}

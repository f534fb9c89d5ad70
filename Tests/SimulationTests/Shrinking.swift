/// The fewest faults with which a seed still fails.
enum Shrinking {
    static func minimal(seed: UInt64, isDouble: Bool, of violation: Violation) -> SimulatedRun {
        var best = SimulatedRun(seed: seed, isDouble: isDouble)
        var numbers = best.world.faults.fired.map(\.number)
        var size = max(1, numbers.count / 2)
        var budget = 400
        while size >= 1, budget > 0 {
            var start = 0
            var hasShrunk = false
            while start < numbers.count, budget > 0 {
                budget -= 1
                var fewer = numbers
                fewer.removeSubrange(start..<min(start + size, numbers.count))
                let run = SimulatedRun(seed: seed, isDouble: isDouble, permitted: Set(fewer))
                if run.world.violation?.invariant == violation.invariant {
                    (best, numbers, hasShrunk) = (run, run.world.faults.fired.map(\.number), true)
                } else {
                    start += size
                }
            }
            if !hasShrunk { size /= 2 }
        }
        return best
    }

    /// What concerns the document of the violation, and what concerns everybody.
    static func trace(_ run: SimulatedRun) -> [String] {
        guard let violation = run.world.violation else { return [] }
        let wanted = violation.document
        return run.world.trace.filter { $0.document == wanted || $0.document.isEmpty || wanted.isEmpty }.map(\.line)
    }
}

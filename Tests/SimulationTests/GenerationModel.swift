import AsyncPrimitives
import ExtractionWire
import IngestCore

/// Every interleaving of a few workers, changes, crashes, duplicates, rejections and lost hand-overs of one object, through the rules of
/// `DocumentRecord` themselves. A step is one effect on a shared thing; a change is a content number, and content 0 means deleted.
struct GenerationModel {
    private static let rejection = Rejection(.malformed, "x")
    private let bounds: Bounds
    /// Records by number: a state holds the number.
    private var records: [DocumentRecord] = []
    private var numbers: [DocumentRecord: Int32] = [:]
    private(set) var stateCount = 0

    init(_ bounds: Bounds) {
        self.bounds = bounds
        let object = ObjectReference(bucket: "b", key: "k")
        _ = number(of: DocumentRecord(tenant: "t", object: object, index: "i", created: Timestamp(milliseconds: 0)))
    }

    /// The violation that is fewest steps away, or nil.
    mutating func explore() -> String? {
        let first = State(
            ingest: Array(repeating: Worker(), count: bounds.ingest),
            embed: Array(repeating: Worker(), count: bounds.embed),
            crashes: bounds.crashes,
            duplicates: bounds.duplicates,
            rejects: bounds.rejects,
            losses: bounds.losses,
            repairs: bounds.repairs
        )
        var seen: Set<State> = [first]
        var layer = [first]
        while !layer.isEmpty {
            var next: [State] = []
            for state in layer {
                var isOver = true
                for (following, isCrash) in steps(state) {
                    isOver = isOver && isCrash
                    var following = following
                    following.ingest.sort { $0.order < $1.order }
                    following.embed.sort { $0.order < $1.order }
                    if seen.insert(following).inserted { next.append(following) }
                }
                stateCount = seen.count
                if let violation = violation(state, isOver) { return violation }
            }
            layer = next
        }
        return nil
    }

    private mutating func number(of record: DocumentRecord) -> Int32 {
        var record = record
        record.touches = 0  // every write counts in the version
        if let known = numbers[record] { return known }
        records.append(record)
        numbers[record] = Int32(records.count - 1)
        return Int32(records.count - 1)
    }

    private mutating func write(_ record: DocumentRecord, _ state: inout State) {
        state.record = number(of: record)
        state.version += 1
    }

    private static func chunkCount(_ content: UInt8) -> Int { [0, 2, 1, 2][Int(content)] }
    private static func content(_ number: UInt8) -> Content { number == 0 ? .absent : .etag("\(number)") }
    private static func bits(_ generation: Int, _ count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 | 1 << UInt64(generation * 4 + $1) }
    }

    private static func add(_ message: Message, _ state: inout State) {
        state.messages.append(message)
        state.messages.sort {
            ($0.generation, $0.content, $0.isFirst ? 1 : 0) < ($1.generation, $1.content, $1.isFirst ? 1 : 0)
        }
    }

    private mutating func steps(_ state: State) -> [(State, isCrash: Bool)] {
        var found: [(State, isCrash: Bool)] = []
        if Int(state.changed) < bounds.changes.count {
            var next = state
            next.bucket = bounds.changes[Int(state.changed)]
            next.changed += 1
            next.events += 1
            found.append((next, false))
        }
        if state.duplicates > 0 {
            var next = state
            next.events += 1
            next.duplicates -= 1
            found.append((next, false))
        }
        if let repaired = repairStep(state) { found.append((repaired, false)) }
        for place in state.ingest.indices {
            found += ingestSteps(state, place).map { ($0, false) }
            guard state.ingest[place].step != .idle, state.crashes > 0 else { continue }
            var next = state
            next.ingest[place] = Worker()
            if state.ingest[place].extra == 1 { next.rebuilds += 1 } else { next.events += 1 }
            next.crashes -= 1
            found.append((next, true))
        }
        for place in state.embed.indices {
            found += embedSteps(state, place).map { ($0, false) }
            let worker = state.embed[place]
            guard worker.step != .idle, state.crashes > 0 else { continue }
            var next = state
            next.embed[place] = Worker()
            Self.add(Message(generation: worker.generation, content: worker.content, isFirst: false), &next)
            next.crashes -= 1
            found.append((next, true))
        }
        return found
    }

    /// The index may change between the look and the write.
    private mutating func repairStep(_ state: State) -> State? {
        var next = state
        guard let seen = state.seenIndex else {
            guard state.repairs > 0 else { return nil }
            next.repairs -= 1
            next.seenIndex = state.index
            return next
        }
        let record = records[Int(state.record)]
        let adopted = record.adopting(Self.groups(seen))
        if adopted != record { write(adopted, &next) }
        next.seenIndex = nil
        next.rebuilds += 1
        return next
    }

    private static func groups(_ index: UInt64) -> [ChunkGroup] {
        (0..<16).compactMap { generation in
            let numbers = (0..<4).filter { index & 1 << UInt64(generation * 4 + $0) != 0 }
            guard let last = numbers.last else { return nil }
            return ChunkGroup(documentID: "d", generation: generation, tenant: "t", count: numbers.count, last: last)
        }
    }

    private mutating func ingestSteps(_ state: State, _ place: Int) -> [State] {
        let worker = state.ingest[place]
        let seen = records[Int(worker.record)]
        let isCurrent = worker.version == state.version
        var next = state
        func go(_ step: Step) { next.ingest[place].step = step }
        switch worker.step {
        case .idle:
            var found: [State] = []
            if state.events > 0 {
                next.events -= 1
                go(.read)
                found.append(next)
            }
            if state.rebuilds > 0 {
                var repairing = state
                repairing.rebuilds -= 1
                repairing.ingest[place] = Worker(step: .read, extra: 1)
                found.append(repairing)
            }
            return found
        case .read:
            next.ingest[place] = Worker(step: .get, extra: worker.extra, record: state.record, version: state.version)
        case .get:
            next.ingest[place].content = state.bucket
            if worker.extra == 0, seen.knows(Self.content(state.bucket)) {
                go(.touch)
                break
            }
            go(.reserve)
            guard state.rejects > 0, state.bucket > 0 else { break }
            var unreadable = next
            unreadable.ingest[place].step = .refuse
            unreadable.rejects -= 1
            return [next, unreadable]
        case .touch:
            if isCurrent { write(seen.touched(), &next) }
            next.ingest[place] = Worker(step: isCurrent ? .acknowledge : .read, extra: worker.extra)
        case .refuse:
            if isCurrent { write(seen.refusing(Self.content(worker.content), Self.rejection), &next) }
            if !isCurrent { next.rejects += 1 }
            next.ingest[place] = Worker(step: isCurrent ? .acknowledge : .read, extra: worker.extra)
        case .reserve:
            guard isCurrent else {
                next.ingest[place] = Worker(step: .read, extra: worker.extra)
                break
            }
            let reserved = seen.reserving(
                Self.content(worker.content),
                chunkCount: Self.chunkCount(worker.content)
            )
            write(reserved, &next)
            next.ingest[place] = Worker(
                step: .send,
                generation: UInt8(reserved.newest),
                content: worker.content,
                extra: worker.extra
            )
        case .send:
            Self.add(Message(generation: worker.generation, content: worker.content, isFirst: true), &next)
            go(.mark)
        case .mark:
            if let marked = records[Int(state.record)].handingOff(Int(worker.generation)) { write(marked, &next) }
            next.ingest[place] = Worker(step: .acknowledge, extra: worker.extra)
        case .acknowledge: next.ingest[place] = Worker()
        default: preconditionFailure("no step of ingest-worker")
        }
        return [next]
    }

    private mutating func embedSteps(_ state: State, _ place: Int) -> [State] {
        let worker = state.embed[place]
        let record = records[Int(state.record)]
        let generation = Int(worker.generation)
        let count = Self.chunkCount(worker.content)
        var next = state
        func go(_ step: Step, _ extra: UInt8 = 0) {
            next.embed[place].step = step
            next.embed[place].extra = extra
        }
        switch worker.step {
        case .idle: return receptions(state, place)
        case .check:
            var found: [State] = []
            if state.losses > 0, count > 0, state.gone & 1 << UInt32(generation) == 0 {
                var lost = state
                lost.gone |= 1 << UInt32(generation)
                lost.losses -= 1
                found.append(lost)
            }
            switch record.decision(for: generation, isFirstDelivery: worker.extra == 1, isStale: false) {
            case .requeueEvent: go(.report)
            case .rejected, .remove: go(.remove)
            case .finish: go(.clean)
            case .outdated: go(.drop)
            case .embed where count > 0 && state.gone & 1 << UInt32(generation) != 0:
                write(record.abandoning(generation), &next)
                go(.report)
            case .embed: go(count > 0 ? .create : .commit)
            }
            return found + [next]
        case .create:
            var found: [State] = []
            if state.rejects > 0 {
                var refused = state
                refused.embed[place].step = .reject
                refused.rejects -= 1
                found.append(refused)
            }
            next.index |= Self.bits(generation, Int(worker.extra) + 1) & ~Self.bits(generation, Int(worker.extra))
            if Int(worker.extra) + 1 < count { go(.create, worker.extra + 1) } else { go(.commit) }
            return found + [next]
        case .reject:
            if let rejected = record.rejecting(generation, Self.content(worker.content), Self.rejection) {
                write(rejected, &next)
                go(.remove)
            } else {
                go(.check)
            }
        case .commit:
            let committed = record.committing(
                generation,
                Self.content(worker.content),
                chunkCount: count,
                reason: nil,
                at: Timestamp(milliseconds: 0)
            )
            if let committed { write(committed, &next) }
            go(committed == nil ? .remove : .clean)
        case .clean:
            next.embed[place].record = state.record
            go(record.due.isEmpty ? .drop : .erase)
        case .erase:
            for retired in records[Int(worker.record)].due {
                next.index &= ~Self.bits(retired.generation, retired.chunkCount)
            }
            go(.forget)
        case .forget:
            write(record.forgetting(records[Int(worker.record)].due), &next)
            next.embed[place].record = 0
            go(.drop)
        case .remove: go(record.live?.generation == generation ? .check : .removal)
        case .removal:
            next.index &= ~Self.bits(generation, count)
            go(.drop)
        case .report:
            next.events += 1
            go(.remove)
        case .drop:
            next.gone |= 1 << UInt32(generation)
            go(.finished)
        case .finished: next.embed[place] = Worker()
        default: preconditionFailure("no step of embed-worker")
        }
        return [next]
    }

    private static func working(on message: Message) -> Worker {
        Worker(
            step: .check,
            generation: message.generation,
            content: message.content,
            extra: message.isFirst ? 1 : 0
        )
    }

    private func receptions(_ state: State, _ place: Int) -> [State] {
        var found: [State] = []
        for (number, message) in state.messages.enumerated()
        where number == 0 || state.messages[number - 1] != message {
            var next = state
            next.messages.remove(at: number)
            next.embed[place] = Self.working(on: message)
            found.append(next)
            guard state.duplicates > 0 else { continue }
            // Delivered twice, or the lease ran out under a worker that lives on.
            var doubled = message
            doubled.isFirst = false
            Self.add(doubled, &next)
            next.duplicates -= 1
            found.append(next)
        }
        return found
    }

    private func violation(_ state: State, _ isOver: Bool) -> String? {
        let record = records[Int(state.record)]
        let live = record.live
        let wanted = live.map { Self.bits($0.generation, $0.chunkCount) } ?? 0
        if wanted & ~state.index != 0 { return "complete: a live generation lacks chunks" }
        guard isOver else { return nil }
        if state.index != wanted { return "exact: something stale or doubled is left" }
        let content = Self.content(state.bucket)
        if live?.content ?? .absent != content, !record.rejected.contains(where: { $0.content == content }) {
            return "converged: the index does not show what the bucket has"
        }
        return nil
    }
}

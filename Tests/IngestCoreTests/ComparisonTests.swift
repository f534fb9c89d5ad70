import AsyncPrimitives
import ExtractionWire
import IngestCore
import Testing

/// Bucket, ledger and index of one key, and what differs.
@Suite struct ComparisonTests {
    private let object = ObjectReference(bucket: "docs", key: "a.txt")
    private let now = Timestamp(milliseconds: 1_700_000_000_000)

    private func record(
        live: (generation: Int, etag: String?, chunks: Int)? = nil,
        pending: (generation: Int, etag: String, age: Int)? = nil,
        tenant: String = "default"
    ) -> DocumentRecord {
        var record = DocumentRecord(tenant: tenant, object: object, index: "i", created: now)
        if let live {
            let content = live.etag.map { Content(etag: $0) } ?? .absent
            record.newest = live.generation - 1
            record = record.reserving(content, chunkCount: live.chunks, at: now)
            record =
                record.committing(live.generation, content, chunkCount: live.chunks, reason: nil, at: now) ?? record
        }
        if let pending {
            record.newest = pending.generation - 1
            let since = now.advanced(by: .seconds(-pending.age))
            record = record.reserving(Content(etag: pending.etag), chunkCount: 2, at: since)
            record = record.handingOff(pending.generation) ?? record
        }
        return record
    }

    private func group(_ generation: Int, _ count: Int, last: Int? = nil, tenant: String = "default") -> ChunkGroup {
        let document = DocumentID(tenant: tenant, object: object).description
        return ChunkGroup(
            documentID: document,
            generation: generation,
            tenant: tenant,
            count: count,
            last: last ?? count - 1
        )
    }

    private func kinds(
        _ etag: String?,
        _ records: [DocumentRecord],
        _ groups: [ChunkGroup],
        isStrict: Bool = false,
        rule: @escaping @Sendable (ObjectReference) -> String? = { _ in "default" }
    ) -> [Difference.Kind] {
        var state = KeyState(object)
        state.listed = etag.map { ObjectPage.Entry(key: object.key, bytes: 9, etag: $0) }
        (state.records, state.groups) = (records, groups)
        let comparison = Comparison(pendingBound: .seconds(900), isStrict: isStrict, tenant: rule)
        return comparison.differences(state, at: now).map(\.kind)
    }

    @Test func whatIsAsItShouldBeIsNoDifference() {
        #expect(kinds("e", [record(live: (1, "e", 2))], [group(1, 2)]) == [])
        #expect(kinds(nil, [record(live: (2, nil, 0))], []) == [], "a tombstone")
        #expect(kinds(nil, [], []) == [])
        #expect(
            kinds("f", [record(live: (1, "e", 2), pending: (2, "f", 5))], [group(1, 2), group(2, 1)]) == [],
            "on its way"
        )
        var rejected = record(live: (1, "e", 2))
        rejected = rejected.refusing(Content(etag: "f"), Rejection(.malformed, "m"), at: now)
        #expect(kinds("f", [rejected], [group(1, 2)]) == [], "rejected, and the version before stays")
        #expect(kinds("e", [record(live: (1, "e", 2))], [group(1, 2)], rule: { _ in nil }) == [.leftOut])
    }

    @Test func eachDamageHasItsName() {
        #expect(kinds("e", [], []) == [.missing])
        #expect(kinds("e", [record(live: (2, nil, 0))], []) == [.missing])
        #expect(kinds("f", [record(live: (1, "e", 2))], [group(1, 2)]) == [.stale])
        #expect(kinds(nil, [record(live: (1, "e", 2))], [group(1, 2)]) == [.gone])
        #expect(kinds(nil, [], [group(1, 2)]) == [.orphan])
        #expect(kinds("e", [record(live: (1, "e", 2))], [group(1, 2), group(7, 1)]) == [.orphan])
        #expect(kinds("e", [record(live: (3, "e", 2))], [group(1, 2), group(3, 2)]) == [.twoGenerations])
        #expect(kinds("e", [record(live: (1, "e", 2))], [group(1, 1, last: 0)]) == [.tooFew])
        #expect(kinds("e", [record(live: (1, "e", 2))], [group(1, 1, last: 1)]) == [.tooFew], "the first one is gone")
        #expect(kinds("e", [record(live: (1, "e", 2))], []) == [.tooFew])
        #expect(kinds("e", [record(live: (1, "e", 2))], [group(1, 3, last: 5)]) == [.tooMany])
        #expect(
            kinds("e", [record(live: (1, "e", 2), tenant: "former")], [group(1, 2, tenant: "former")]) == [
                .formerRule, .missing,
            ]
        )
        #expect(kinds("f", [record(live: (1, "e", 2), pending: (2, "f", 2000))], [group(1, 2)]) == [.pending])
        var bare = group(1, 2)
        (bare.withoutVector, bare.foreign) = (1, 2)
        #expect(kinds("e", [record(live: (1, "e", 2))], [bare]) == [.withoutVector, .foreign])
    }

    @Test func beforeASwitchWhatIsOnItsWayCounts() {
        let onItsWay = record(live: (1, "e", 2), pending: (2, "f", 5))
        #expect(kinds("f", [onItsWay], [group(1, 2)], isStrict: true) == [.pending])
        #expect(kinds(nil, [onItsWay], [group(1, 2)], isStrict: true) == [.pending])
        #expect(kinds("e", [onItsWay], [group(1, 2)], isStrict: true) == [], "readers see what the bucket holds")
        #expect(kinds("f", [record(pending: (1, "f", 5))], [], isStrict: true) == [.pending])
    }

    /// A document that changes all the time is followed when readers see what the bucket held at an earlier look.
    @Test func aVersionOfAnEarlierLookIsEnough() throws {
        func state(_ etag: String, _ record: DocumentRecord) -> KeyState {
            var state = KeyState(object)
            state.listed = ObjectPage.Entry(key: object.key, bytes: 9, etag: etag)
            state.records = [record]
            return state
        }
        let comparison = Comparison(pendingBound: .seconds(900), isStrict: true) { _ in "default" }
        let first = state("f", record(live: (1, "e", 0), pending: (2, "f", 1)))
        let found = comparison.differences(first, at: now)
        let suspect = Suspect(first, found, at: .zero)
        #expect(!suspect.isFollowed(first, found), "readers see what the bucket held before the first look")
        let second = state("g", record(live: (2, "f", 0), pending: (3, "g", 1)))
        #expect(suspect.isFollowed(second, comparison.differences(second, at: now)))
        let stale = state("g", record(live: (2, "f", 0)))
        #expect(!suspect.isFollowed(stale, comparison.differences(stale, at: now)), "nothing newer is on its way")
    }
}

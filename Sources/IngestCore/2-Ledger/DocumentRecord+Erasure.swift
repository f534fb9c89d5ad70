import AsyncPrimitives

/// Erasure on request: the names go, what keeps generation numbers from being used twice stays.
extension DocumentRecord {
    /// Nothing of the document is searchable, on its way or left to remove.
    package var isGone: Bool {
        live.map { $0.content == .absent && $0.chunkCount == 0 } ?? true && pending == nil && retired.isEmpty
    }

    /// Without tenant, bucket, key, etags and reasons. Its id is a hash of names, so that the object's next version finds it.
    package func erased(at time: Timestamp) -> DocumentRecord {
        var record = DocumentRecord(
            tenant: "",
            object: ObjectReference(bucket: "", key: ""),
            index: index,
            created: created
        )
        record.newest = newest
        record.touches = touches + 1
        record.live = LiveGeneration(generation: newest, content: .absent, chunkCount: 0, committed: time)
        return record
    }

    package var isErased: Bool { key.isEmpty && bucket.isEmpty }

    /// With its names again, where they were erased and the object is back.
    func named(_ tenant: String, _ object: ObjectReference) -> DocumentRecord {
        guard isErased else { return self }
        var record = self
        (record.tenant, record.bucket, record.key) = (tenant, object.bucket, object.key)
        return record
    }
}

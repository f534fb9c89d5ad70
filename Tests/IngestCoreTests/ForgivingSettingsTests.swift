import CommandLineOptions
import IngestCore
import Testing

/// Settings as people write them, and mistakes that must not be taken for settings.
@Suite struct ForgivingSettingsTests {
    private func value<Value>(_ setting: Setting<Value>, _ text: String) -> (Value, [String]) {
        var reader = SettingsReader([setting.declaration.environment: text])
        let value = reader.read(setting)
        return (value, reader.problems)
    }

    @Test(arguments: ["ERROR", "error", "Error", " error "]) func choicesInAnyCase(_ text: String) {
        #expect(value(Settings.logLevel, text) == ("error", []))
    }

    @Test func wordsOfOtherSystems() {
        #expect(value(Settings.logLevel, "WARN") == ("warning", []))
        #expect(value(Settings.openAIAuth, "API_KEY") == ("api-key", []))
        #expect(!value(Settings.logLevel, "loud").1.isEmpty)
    }

    @Test(arguments: ["300", " 300", "300\r", "\"300\"", "'300'"]) func numbersAsEnvironmentFilesLeaveThem(
        _ text: String
    ) {
        #expect(value(Settings.chunkTokens, text) == (300, []))
    }

    @Test func mistypedVariablesAreNamed() {
        let environment = [
            "CHUNK_TOKEN": "300", "OPENSEARCH_INDX": "x", "PATH": "/bin", "HOME": "/", "TENANTS": "x", "LANG": "C",
            "OPENAI_API_KEY": "k", "AWS_ACCESS_KEY_ID": "x", "HOSTNAME": "h", "EMBEDDING_MODELS": "m",
        ]
        let found = OptionParser.mistyped(environment, known: Settings.all)
        #expect(found.contains("CHUNK_TOKEN is not a setting; did you mean CHUNK_TOKENS?"))
        #expect(found.contains("OPENSEARCH_INDX is not a setting; did you mean OPENSEARCH_INDEX?"))
        #expect(found.count == 4, "\(found)")
    }

    @Test func addressesWithoutASchemeAreNotIgnored() {
        #expect(AWSEndpoints.problems(in: ["AWS_ENDPOINT_URL": "localhost:4566"]).count == 1)
        #expect(
            AWSEndpoints.problems(in: ["AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_ENDPOINT_URL_S3": ""]).isEmpty
        )
    }

    @Test func bucketNames() {
        for name in ["s3://h", "h/", "name ", "ab", "-abc", "a..b", ""] {
            #expect(!BucketName.isValid(name), "\(name)")
        }
        for name in ["abc", "my.bucket-1", "Old_Bucket"] { #expect(BucketName.isValid(name), "\(name)") }
    }

    @Test func theQueuesPolicySaysWhoNotifiesIt() {
        var attributes = QueueAttributes()
        #expect(attributes.notifyingBuckets.isEmpty)
        attributes.policy =
            #"{"Statement":{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"sqs:SendMessage","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::docs"}}}}"#
        #expect(attributes.notifyingBuckets == ["docs"])
        attributes.maximumMessageBytes = 16_384
        #expect(attributes.inlineBytes(atMost: 196_608) == 16_384 - 512)
    }
}

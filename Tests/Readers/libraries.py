"""Four libraries that read the index, as their users set them up: `libraries.py CONFIG`. Run by the Python of .local/readers; prints what each found as JSON.

CONFIG has url, alias, question, vector, dimensions, and the code blocks of docs/index.md.
"""
import json
import sys
import warnings

warnings.filterwarnings("ignore")


def opensearch_py(config: dict) -> list[dict]:
    from opensearchpy import OpenSearch

    names: dict = {}
    exec(config["code"], names)
    hits = names["ask"](OpenSearch(config["url"]), config["alias"], config["question"], config["vector"], config["languages"], config.get("filters", []))
    return [{"text": hit["_source"]["text"], "score": hit["_score"], "source": hit["_source"]["source"], "page": hit["_source"].get("page_start"), "metadata": hit["_source"]["metadata"],
             "generation": hit["_source"]["generation"], "fields": sorted(hit["_source"])} for hit in hits]


def langchain(config: dict) -> list[dict]:
    from langchain_community.vectorstores import OpenSearchVectorSearch
    from langchain_core.embeddings import Embeddings

    class Known(Embeddings):
        def embed_documents(self, texts):
            return [config["vector"] for _ in texts]

        def embed_query(self, text):
            return config["vector"]

    store = OpenSearchVectorSearch(config["url"], config["alias"], Known())
    found = store.similarity_search_with_score(config["question"], k=3, vector_field="vector", metadata_field="metadata")
    return [{"text": document.page_content, "score": score, "source": document.metadata["source"], "page": document.metadata.get("page"), "metadata": document.metadata,
             "fields": sorted(document.metadata)} for document, score in found]


def llamaindex(config: dict) -> list[dict]:
    from llama_index.core.vector_stores.types import VectorStoreQuery
    from llama_index.vector_stores.opensearch import OpensearchVectorClient, OpensearchVectorStore

    client = OpensearchVectorClient(config["url"], config["alias"], config["dimensions"], embedding_field="vector", text_field="text", excluded_source_fields=["vector"])
    result = OpensearchVectorStore(client).query(VectorStoreQuery(query_embedding=config["vector"], similarity_top_k=3))
    return [{"text": node.text, "score": score, "source": node.metadata["source"], "page": node.metadata.get("page"), "metadata": node.metadata, "fields": sorted(node.metadata)}
            for node, score in zip(result.nodes, result.similarities)]


def haystack(config: dict) -> list[dict]:
    from haystack_integrations.components.retrievers.opensearch import OpenSearchEmbeddingRetriever
    from haystack_integrations.document_stores.opensearch import OpenSearchDocumentStore

    names: dict = {}
    exec(config["haystack"], names)
    store = OpenSearchDocumentStore(hosts=config["url"], index=config["alias"], create_index=False, return_embedding=True, embedding_dim=config["dimensions"])
    retriever = OpenSearchEmbeddingRetriever(document_store=store, custom_query=names["HAYSTACK_QUERY"])
    found = retriever.run(query_embedding=config["vector"])["documents"]
    return [{"text": document.content, "score": document.score, "source": document.meta["source"], "page": document.meta.get("page_start"), "metadata": document.meta["metadata"],
             "fields": sorted(document.meta)} for document in found]


if __name__ == "__main__":
    config = json.load(open(sys.argv[1]))
    chosen = sys.argv[2:] or ["opensearch_py", "langchain", "llamaindex", "haystack"]
    print(json.dumps({name: globals()[name](config) for name in chosen}))

/* header.c - what stands in front of a record log: all that the results depend on.
 * Two runs with equal headers have equal results. */
#include "base/cpu.h"
#include "corpus/export.h"
#include "math/gemm.h"

#include <string.h>

sty_status sty_run_header(const sty_run_facts *facts, const char *list_digest, size_t n, const sty_shard *shard,
                          const char *shard_by, const char *how, sty_buf *header, sty_err *err) {
    static const char *const averages[] = {"nothing", "list", "speaker"};
    sty_buf_text(header, "{\"stylet\":\"" STYLET_VERSION "\",\"model\":{\"name\":");
    sty_buf_json(header, facts->model_name);
    sty_buf_printf(header, ",\"hash\":\"%s\"},\"kernels\":", facts->model_hash);
    sty_buf_json(header, sty_cpu_name(sty_cpu_path()));
    sty_buf_text(header, ",\"blas\":");
    sty_buf_json(header, sty_blas_core());
    sty_buf_text(header, ",\"options\":");
    sty_buf_json(header, how);
    sty_buf_printf(header, ",\"average\":\"%s\",\"list\":\"%s\",\"entries\":%zu,\"shard_by\":", averages[facts->average],
                   list_digest, n);
    sty_buf_json(header, shard->total ? shard_by ? shard_by : "contiguous" : "none");
    sty_buf_printf(header, ",\"total\":%zu,\"shard\":%zu,\"columns\":[", shard->total, shard->index);
    for (size_t i = 0; i < facts->n_columns; i++) {
        sty_buf_text(header, i ? "," : "");
        sty_buf_json(header, facts->column_names[i]);
    }
    sty_buf_text(header, "],\"outputs\":[");
    for (size_t i = 0; i < facts->n_names; i++) {
        sty_buf_text(header, i ? ",{\"name\":" : "{\"name\":");
        sty_buf_json(header, facts->names[i]);
        for (size_t k = 0; facts->labels[i] && k < facts->n_labels[i]; k++) {
            sty_buf_text(header, k ? "," : ",\"labels\":[");
            sty_buf_json(header, facts->labels[i][k]);
        }
        sty_buf_text(header, facts->labels[i] ? "]}" : "}");
    }
    sty_buf_text(header, "]}");
    sty_buf_put(header, "", 1);
    return header->failed ? sty_err_no_memory(err, header->capacity, "a header") : STY_OK;
}

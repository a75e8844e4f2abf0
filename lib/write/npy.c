/* npy.c - `npy`: one output of all clips as an array [N, ...], ids beside it in
 * OUT.ids.txt. Rows are appended; the shape is patched into the header at the end. */
#include "base/npy.h"
#include "write/formats.h"
#include "write/spool.h"

#include <string.h>

typedef struct {
    sty_fields fields;
    sty_out *ids;
} npy_state;

static sty_status open_ids(sty_writer *writer, sty_err *err) {
    npy_state *state = writer->state;
    char header[STY_NPY_HEADER] = {0};
    if (sty_out_is_stream(writer->out))
        return sty_err_set(err, STY_BAD_ARGUMENT, "npy needs a file; give it with -o OUT.npy");
    STY_TRY(sty_ids_open(writer, &state->ids, err));
    return sty_out_write(writer->out, header, sizeof header, err);
}

static sty_status put(sty_writer *writer, const sty_record *record, sty_err *err) {
    npy_state *state = writer->state;
    if (record->n_fields != 1)
        return sty_err_set(err, STY_BAD_ARGUMENT, "npy holds one output, %zu are wanted; npz holds several",
                           record->n_fields);
    STY_TRY(sty_fields_check(&state->fields, record, "npy", err));
    STY_TRY(sty_out_write(writer->out, record->fields[0].view.data,
                          state->fields.field[0].count * sizeof(float), err));
    return sty_ids_put(state->ids, record->id, err);
}

static sty_status finish(sty_writer *writer, sty_err *err) {
    npy_state *state = writer->state;
    char header[STY_NPY_HEADER];
    size_t dim[1 + STY_MAX_RANK] = {writer->n_records};
    const int rank = state->fields.n ? state->fields.field[0].rank : 1;
    if (state->fields.n) memcpy(dim + 1, state->fields.field[0].dim, sizeof dim - sizeof *dim);
    if (!sty_npy_header("<f4", rank + 1, dim, header))
        return sty_err_set(err, STY_OUTPUT_ERROR, "the shape of '%s' does not fit its header", writer->path);
    STY_TRY(sty_out_patch(writer->out, 0, header, sizeof header, err));
    STY_TRY(sty_out_sync(writer->out, err)); /* what can fail has not failed: the ids may appear */
    sty_out *ids = state->ids;
    state->ids = NULL;
    return sty_out_commit(ids, err);
}

static void clear(sty_writer *writer) {
    npy_state *state = writer->state;
    sty_out_abort(state->ids);
    sty_fields_clear(&state->fields);
}

const sty_writer_type sty_writer_npy = {
    .name = "npy",
    .extension = ".npy",
    .summary = "NumPy array [N, ...] of one output, ids in OUT.ids.txt",
    .model_beside = true,
    .state_size = sizeof(npy_state),
    .open = open_ids,
    .put = put,
    .close = finish,
    .clear = clear,
};

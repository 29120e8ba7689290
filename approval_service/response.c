/* SPDX-License-Identifier: BSD-2-Clause */
#include "approval_service/response.h"

#include "approval_service/page.h"
#include "approval_service/route.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 16 * 1024 };

struct header {
    const char *name;
    const char *value;
};

/* The page runs its own scripts and styles and nothing else, in no frame, and sends nothing elsewhere. */
static const struct header page_headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
     "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
     "require-trusted-types-for 'script'"},
    {"X-Frame-Options", "DENY"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Permissions-Policy",
     "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), microphone=(), "
     "geolocation=(), payment=(), usb=(), hid=(), serial=(), clipboard-read=(), display-capture=()"},
    {MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache"},
};

/* Should a browser ever show an answer as a document, it is an empty one. */
static const struct header api_headers[] = {
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
    {"Vary", "Origin"},
};

static const struct header common_headers[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Strict-Transport-Security", "max-age=31536000"},
};

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    (void)MHD_add_response_header(response, name, value);
}

static void add_all(struct MHD_Response *response, const struct header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(response, headers[i].name, headers[i].value);
}

/* A page that [page] origins lists may read the answer; without that line a browser keeps it to itself. There
 * are no credentials but the Authorization header that the page itself sets. */
static void add_cross_origin(struct MHD_Response *response, const struct tg_http_request *request,
                             const struct tg_http_answer *answer)
{
    char methods[64];
    if (!request->cross_origin) {
        add(response, "Cross-Origin-Resource-Policy", "same-origin");
        return;
    }
    add(response, "Cross-Origin-Resource-Policy", "cross-origin");
    add(response, "Access-Control-Allow-Origin", request->origin);
    add(response, "Access-Control-Expose-Headers", "Retry-After");
    if (!answer->preflight)
        return;
    if (tg_route_methods(request->path, methods, sizeof methods))
        add(response, "Access-Control-Allow-Methods", methods);
    add(response, "Access-Control-Allow-Headers", "Authorization, Content-Type");
    add(response, "Access-Control-Max-Age", "600");
}

static void add_status(struct MHD_Response *response, const struct tg_http_request *request,
                       const struct tg_http_answer *answer)
{
    char text[64];
    if (answer->status == 401)
        add(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "SSHSIG");
    if (answer->status == 429 || answer->status == 503) {
        (void)snprintf(text, sizeof text, "%u", answer->retry_after > 0 ? answer->retry_after : 5);
        add(response, MHD_HTTP_HEADER_RETRY_AFTER, text);
    }
    if (answer->status == 405)
        add(response, MHD_HTTP_HEADER_ALLOW,
            tg_route_methods(request->path, text, sizeof text) ? text : "GET, HEAD");
}

static void add_api_headers(struct MHD_Response *response, const struct tg_http_request *request,
                            const struct tg_http_answer *answer)
{
    const char *type = answer->problem         ? "application/problem+json"
                       : answer->text != NULL  ? "text/plain; version=0.0.4; charset=utf-8"
                       : answer->bytes != NULL ? "application/octet-stream"
                                               : "application/json";
    if (answer->json != NULL || answer->text != NULL || answer->bytes != NULL)
        add(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    add_all(response, api_headers, sizeof api_headers / sizeof api_headers[0]);
    add_cross_origin(response, request, answer);
    add_status(response, request, answer);
}

static void add_page_headers(struct MHD_Response *response, const struct tg_page_file *file)
{
    add(response, MHD_HTTP_HEADER_CONTENT_TYPE, file->type);
    add(response, MHD_HTTP_HEADER_ETAG, file->etag);
    add(response, "Cross-Origin-Resource-Policy", "same-origin");
    add_all(response, page_headers, sizeof page_headers / sizeof page_headers[0]);
}

static ssize_t read_file(void *context, uint64_t position, char *buffer, size_t size)
{
    const struct tg_page_file *file = context;
    if (position >= file->content.length)
        return MHD_CONTENT_READER_END_OF_STREAM;
    size_t left = file->content.length - (size_t)position;
    size_t count = left < size ? left : size;
    memcpy(buffer, file->content.data + position, count);
    return (ssize_t)count;
}

static void release_file(void *context)
{
    tg_page_file_release(context);
}

static struct MHD_Response *file_response(struct tg_http_answer *answer)
{
    struct tg_page_file *file = answer->file;
    if (answer->status == 304)
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    struct MHD_Response *response = MHD_create_response_from_callback(
        file->content.length, BLOCK_SIZE, read_file, tg_page_file_hold(file), release_file);
    if (response == NULL)
        tg_page_file_release(file);
    return response;
}

static struct MHD_Response *text_response(struct tg_http_answer *answer)
{
    if (answer->bytes != NULL)
        return MHD_create_response_from_buffer(answer->length, answer->bytes, MHD_RESPMEM_MUST_COPY);
    char *text = answer->text != NULL   ? strdup(answer->text)
                 : answer->json != NULL ? json_dumps(answer->json, JSON_COMPACT)
                                        : NULL;
    if (text == NULL) {
        answer->status = answer->status == 204 ? 204 : 500;
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        free(text);
    return response;
}

struct MHD_Response *tg_response_new(const struct tg_http_request *request, struct tg_http_answer *answer,
                                     bool close)
{
    struct MHD_Response *response = answer->file != NULL ? file_response(answer) : text_response(answer);
    if (response == NULL)
        return NULL;
    if (answer->file != NULL)
        add_page_headers(response, answer->file);
    else
        add_api_headers(response, request, answer);
    add_all(response, common_headers, sizeof common_headers / sizeof common_headers[0]);
    if (close)
        add(response, MHD_HTTP_HEADER_CONNECTION, "close");
    return response;
}

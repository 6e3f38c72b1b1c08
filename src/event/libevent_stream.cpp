// SPDX-License-Identifier: GPL-2.0-or-later
#include "event/libevent_stream.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace siproxd::event {

namespace {

struct EventDeleter {
    void operator()(::event* ev) const { ::event_free(ev); }
};
struct BuffereventDeleter {
    void operator()(bufferevent* buffers) const { ::bufferevent_free(buffers); }
};
struct SslDeleter {
    void operator()(SSL* ssl) const { ::SSL_free(ssl); }
};

/// connecting -> (handshake) -> open -> (finishing) -> closed. The bufferevent begins with the
/// handshake, so that a failed connect and a failed handshake are told apart.
class LibeventStream final : public Stream {
public:
    LibeventStream(event_base* base, base::UniqueFd fd, Handler& handler,
                   const StreamOptions& options)
        : base_(base), handler_(handler), fd_(std::move(fd)), tls_(options.tls),
          tlsServer_(options.tlsServer), readLimit_(options.readLimit), socket_(fd_.get()),
          session_(options.tls) {
        if (options.connecting) {
            state_ = State::Connecting;
            connect_.reset(::event_new(base_, socket_, EV_WRITE, &LibeventStream::connected, this));
            ::event_add(connect_.get(), nullptr);
        } else {
            start();
        }
    }

    ~LibeventStream() override {
        if (state_ == State::Open) {
            sayGoodbye();
        }
    }

    LibeventStream(const LibeventStream&) = delete;
    LibeventStream& operator=(const LibeventStream&) = delete;

    [[nodiscard]] std::string_view received() override {
        if (!buffers_ || finishing_) {
            return {};
        }
        evbuffer* input = ::bufferevent_get_input(buffers_.get());
        const std::size_t length = ::evbuffer_get_length(input);
        const unsigned char* bytes = ::evbuffer_pullup(input, -1);
        return bytes == nullptr
                   ? std::string_view()
                   : std::string_view(reinterpret_cast<const char*>(bytes), length);
    }

    void consume(std::size_t length) override {
        if (!buffers_ || finishing_) {
            return;
        }
        evbuffer* input = ::bufferevent_get_input(buffers_.get());
        ::evbuffer_drain(input, length);
        if (paused_ && ::evbuffer_get_length(input) < readLimit_) {
            paused_ = false;
            ::bufferevent_enable(buffers_.get(), EV_READ);
        }
    }

    void write(std::string_view bytes) override {
        if (finishing_ || state_ == State::Closed) {
            return;
        }
        if (buffers_) {
            ::bufferevent_write(buffers_.get(), bytes.data(), bytes.size());
        } else {
            early_ += bytes;
        }
    }

    [[nodiscard]] std::size_t unsent() const override {
        return buffers_ ? ::evbuffer_get_length(::bufferevent_get_output(buffers_.get()))
                        : early_.size();
    }

    void finish() override {
        if (finishing_ || state_ == State::Closed) {
            return;
        }
        finishing_ = true;
        if (buffers_) {
            // What is there stays until more comes: the owner may be looking at it.
            ::bufferevent_enable(buffers_.get(), EV_READ);
            endWhenDrained();
        }
    }

    [[nodiscard]] int fd() const override { return socket_; }
    [[nodiscard]] ssl_st* tls() const override { return session_; }

private:
    enum class State : std::uint8_t { Connecting, Handshake, Open, Closed };

    static void connected(evutil_socket_t, short, void* self) {
        static_cast<LibeventStream*>(self)->connectDone();
    }
    static void readable(bufferevent*, void* self) {
        static_cast<LibeventStream*>(self)->takeData();
    }
    static void drained(bufferevent*, void* self) {
        static_cast<LibeventStream*>(self)->outputDrained();
    }
    static void happened(bufferevent*, short what, void* self) {
        static_cast<LibeventStream*>(self)->takeEvent(what, errno);
    }

    void connectDone() {
        int error = 0;
        socklen_t length = sizeof error;
        ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error != 0) {
            close(std::strerror(error));
            return;
        }
        start();
        if (state_ == State::Open) {
            handler_.onConnected();
        }
    }

    void start() {
        if (tls_) {
            state_ = State::Handshake;
            buffers_.reset(::bufferevent_openssl_socket_new(
                base_, fd_.release(), tls_.release(),
                tlsServer_ ? BUFFEREVENT_SSL_ACCEPTING : BUFFEREVENT_SSL_CONNECTING,
                BEV_OPT_CLOSE_ON_FREE));
            ::bufferevent_openssl_set_allow_dirty_shutdown(buffers_.get(), 1);
        } else {
            state_ = State::Open;
            buffers_.reset(::bufferevent_socket_new(base_, fd_.release(), BEV_OPT_CLOSE_ON_FREE));
        }
        ::bufferevent_setcb(buffers_.get(), &LibeventStream::readable, &LibeventStream::drained,
                            &LibeventStream::happened, this);
        ::bufferevent_enable(buffers_.get(), EV_READ | EV_WRITE);
        if (!early_.empty()) {
            ::bufferevent_write(buffers_.get(), early_.data(), early_.size());
            std::string().swap(early_);
        }
        if (finishing_) {
            endWhenDrained();
        }
    }

    void takeData() {
        evbuffer* input = ::bufferevent_get_input(buffers_.get());
        if (finishing_) {
            ::evbuffer_drain(input, ::evbuffer_get_length(input));
            return;
        }
        // Not libevent's watermark: with it, bytes that OpenSSL has decrypted already would wait for
        // the socket to become readable once more.
        if (::evbuffer_get_length(input) >= readLimit_) {
            paused_ = true;
            ::bufferevent_disable(buffers_.get(), EV_READ);
        }
        handler_.onData();
    }

    void outputDrained() {
        if (state_ != State::Open) {
            return;
        }
        if (finishing_) {
            endWhenDrained();
        } else {
            handler_.onDrained();
        }
    }

    void takeEvent(short what, int number) {
        if ((what & BEV_EVENT_CONNECTED) != 0) {
            state_ = State::Open;
            if (finishing_) {
                endWhenDrained();
            } else {
                handler_.onConnected();
            }
        } else if ((what & BEV_EVENT_EOF) != 0) {
            close(state_ == State::Handshake ? "closed during the TLS handshake" : "");
        } else if ((what & BEV_EVENT_ERROR) != 0) {
            close(failure(number));
        }
    }

    /// Also empties OpenSSL's queue of errors, which the whole thread shares.
    [[nodiscard]] std::string failure(int number) const {
        std::string text;
        if (session_ != nullptr) {
            const unsigned long code = ::bufferevent_get_openssl_error(buffers_.get());
            const long verdict = ::SSL_get_verify_result(session_);
            if (code != 0) {
                const char* reason = ::ERR_reason_error_string(code);
                text = "TLS: " + std::string(reason != nullptr ? reason : "error");
                if (verdict != X509_V_OK && state_ == State::Handshake) {
                    text += std::string(": ") + ::X509_verify_cert_error_string(verdict);
                }
            }
            ::ERR_clear_error();
        }
        if (text.empty()) {
            text = number != 0 ? std::strerror(number) : "connection failed";
        }
        return text;
    }

    void endWhenDrained() {
        if (state_ == State::Open && !ended_ && unsent() == 0) {
            ended_ = true;
            sayGoodbye();
            ::shutdown(socket_, SHUT_WR);
        }
    }

    /// TLS: close_notify, for a peer that would otherwise suspect that somebody cut the line.
    void sayGoodbye() const {
        if (session_ != nullptr) {
            ::ERR_clear_error();
            ::SSL_shutdown(session_);
            ::ERR_clear_error();
        }
    }

    /// The handler may destroy this: nothing of it is touched afterwards.
    void close(const std::string& reason) {
        state_ = State::Closed;
        if (buffers_) {
            ::bufferevent_disable(buffers_.get(), EV_READ | EV_WRITE);
        }
        // How the peer takes its leave after we have taken ours is nobody's concern.
        handler_.onClosed(ended_ ? std::string() : reason);
    }

    event_base* base_;
    Handler& handler_;
    base::UniqueFd fd_;                     ///< until the bufferevent has it
    std::unique_ptr<SSL, SslDeleter> tls_;  ///< likewise
    bool tlsServer_;
    std::size_t readLimit_;
    int socket_;
    SSL* session_;
    State state_ = State::Open;
    bool paused_ = false;
    bool finishing_ = false;
    bool ended_ = false;  ///< our side has been shut down
    std::string early_;   ///< written while connecting
    std::unique_ptr<::event, EventDeleter> connect_;
    std::unique_ptr<bufferevent, BuffereventDeleter> buffers_;
};

}  // namespace

std::unique_ptr<Stream> makeLibeventStream(::event_base* base, base::UniqueFd fd,
                                           Stream::Handler& handler,
                                           const StreamOptions& options) {
    return std::make_unique<LibeventStream>(base, std::move(fd), handler, options);
}

}  // namespace siproxd::event

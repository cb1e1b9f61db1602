//! A connection's requests: answered at once, refused, or routed by warp.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use futures::future::{BoxFuture, Either, Ready, ready};
use hyper::body::{Body as _, Incoming};
use hyper::service::Service;
use warp::http::{HeaderMap, Method, Request, Response, Version, header};
use warp::path::FullPath;
use warp::{Filter as _, Reply as _};

use crate::answer::Body;
use crate::connection::Connection;
use crate::problem::{Kind, Problem};
use crate::routes::ALLOW;
use crate::state::State;

/// What the requests of one connection share. Each connection has its own, so that its reference count
/// is not contended by threads on several cores.
pub(crate) struct Client {
    pub(crate) state: Arc<State>,
    pub(crate) connection: Arc<Connection>,
}

/// Answers a request at once where its thread has just answered the same one; routes all others.
///
/// Every connection has room for this service's future. The routed one is boxed, so that the future is
/// small and cheap to move: that saves more time than routing takes.
pub(crate) struct RequestService<R> {
    pub(crate) client: Arc<Client>,
    pub(crate) routes: R,
}

impl<R> Service<Request<Incoming>> for RequestService<R>
where
    R: Service<Request<Incoming>, Response = warp::reply::Response, Error = Infallible>,
    R::Future: Send + 'static,
{
    type Response = R::Response;
    type Error = Infallible;
    type Future = Either<
        Ready<Result<R::Response, Infallible>>,
        BoxFuture<'static, Result<R::Response, Infallible>>,
    >;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let Client { state, connection } = &*self.client;
        if !request.body().is_end_stream() {
            connection.set_unread();
        }
        let (uri, query) = (request.uri(), request.uri().query().unwrap_or_default());
        if let Some(problem) = improper(&request) {
            let (method, headers) = (request.method(), request.headers());
            let response = state.reject(method, uri.path(), headers, problem);
            return Either::Left(ready(Ok(response.into_response())));
        }
        let now = Instant::now();
        match state.respond_again(now, request.method(), uri.path(), query, request.headers()) {
            Some(response) => {
                connection.touch_at(now);
                Either::Left(ready(Ok(response.into_response())))
            }
            None => Either::Right(Box::pin(self.routes.call(request))),
        }
    }
}

/// What is wrong with a request that hyper can read and that is not a proper one all the same.
fn improper<B>(request: &Request<B>) -> Option<Problem> {
    let (method, target) = (request.method(), request.uri());
    let is_path = target.path_and_query().is_some()
        && (target.path().starts_with('/') || *method == Method::OPTIONS);
    if !is_path {
        return Some(match *method {
            Method::CONNECT => Problem::method_not_allowed(method.as_str(), ALLOW),
            _ => Problem::new(
                Kind::UNREADABLE_REQUEST,
                format!("`{target}` is not a path: write one such as /hotspots/latest"),
            ),
        });
    }
    let hosts = request.headers().get_all(header::HOST).iter().count();
    (hosts != 1 && request.version() == Version::HTTP_11).then(|| {
        let detail = format!("HTTP/1.1 wants one header `Host`, and there are {hosts}");
        Problem::new(Kind::UNREADABLE_REQUEST, detail)
    })
}

/// All of the API as one warp filter. Paths are told apart in [`State::respond`] rather than by filters,
/// so that every refusal is a problem document.
pub(crate) fn routes(
    client: Arc<Client>,
) -> impl warp::Filter<Extract = (Response<Body>,), Error = Infallible> + Clone {
    let query = warp::query::raw().or_else(|_| async { Ok::<_, Infallible>((String::new(),)) });
    warp::method().and(warp::path::full()).and(query).and(warp::header::headers_cloned()).then(
        move |method: Method, path: FullPath, query: String, headers: HeaderMap| {
            let client = Arc::clone(&client);
            async move {
                let Client { state, connection } = &*client;
                let answer = state.respond(&method, path.as_str(), &query, &headers);
                connection.answering(answer).await
            }
        },
    )
}

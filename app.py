"""The door of Glassbox: `streamlit run app.py` imports this file as the server and runs it as the page."""

import streamlit as st

if __name__ == "__main__":
    st.set_page_config(
        page_title="Glassbox: a Transformer you can see through", page_icon="🔍", layout="wide"
    )
    st.navigation([st.Page("viz/pages/explore.py", title="Glassbox", default=True)], position="hidden").run()
else:
    from viz.server import lifespan, middleware, routes

    app = st.App(__file__, lifespan=lifespan, routes=routes(), middleware=middleware())
